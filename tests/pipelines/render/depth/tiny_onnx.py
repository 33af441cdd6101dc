"""An ONNX network whose output is known in closed form, with its note."""

from __future__ import annotations

from pathlib import Path

import onnx
import yaml
from onnx import TensorProto, helper


def save_tiny_onnx(folder: Path, *, shape: tuple[object, ...] = ("batch", 3, "h", "w"), **note: object) -> Path:
    """`depth` = 1 + 3 · mean of the channels, [batch, 1, h, w]; `sky` = the last channel."""
    axis = len(shape) - 3
    nodes = [
        helper.make_node("ReduceMean", ["photo"], ["mean"], axes=[axis], keepdims=1),
        helper.make_node("Mul", ["mean", "three"], ["scaled"]),
        helper.make_node("Add", ["scaled", "one"], ["depth"]),
        helper.make_node("Gather", ["photo", "last"], ["sky"], axis=axis),
    ]
    constants = [
        helper.make_tensor("three", TensorProto.FLOAT, [], [3.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [], [1.0]),
        helper.make_tensor("last", TensorProto.INT64, [1], [2]),
    ]
    inputs = [helper.make_tensor_value_info("photo", TensorProto.FLOAT, shape)]
    mapped = [*shape[:axis], 1, *shape[axis + 1 :]]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, mapped) for name in ("depth", "sky")]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "tiny.onnx")
    (folder / "tiny.yaml").write_text(yaml.safe_dump({"quantity": "depth", "kind": "metric", **note}))
    return folder / "tiny.onnx"
