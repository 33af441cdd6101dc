"""Configurations to begin with, one for each trainer, in `trainers/` of an export. docs/export.md names their keys.

They name the folder by its absolute path: edit them when it moves. FLUX.1 Kontext takes one control picture; with a
second one, the model named is one that takes several.
"""

import json
from pathlib import Path

KONTEXT, QWEN_EDIT = "black-forest-labs/FLUX.1-Kontext-dev", "Qwen/Qwen-Image-Edit-2509"
RESOLUTION = 768
"""Long side of a picture by default (`render --long-side`)."""


def trainer_files(folder: Path, *, has_second_control: bool) -> dict[str, bytes]:
    """Path -> content, of all six trainers.

    Args:
        folder: of the export, absolute.
        has_second_control: whether it has a folder `control2`.
    """
    controls = [str(folder / name) for name in ("control", "control2")[: 1 + has_second_control]]
    target = str(folder / "target")
    texts = {
        "ai-toolkit.yaml": _ai_toolkit(target, controls),
        "musubi-tuner.toml": _musubi_tuner(folder, target, controls),
        "diffusion-pipe.toml": _diffusion_pipe(target, controls),
        "simpletuner.json": _simpletuner(folder, target, controls[0]),
        "diffsynth.sh": _diffsynth(folder, has_second_control=has_second_control),
        "diffusers.sh": diffusers_command(folder, "target", "cond_image"),
    }
    return {f"trainers/{name}": text.encode() for name, text in texts.items()}


def diffusers_command(folder: Path, image_column: str, cond_image_column: str) -> str:
    """The command of diffusers' training script: `datasets` reads the folder."""
    return f"""# diffusers, in examples/dreambooth; train_dreambooth_lora_flux2_klein_img2img.py takes the same columns
accelerate launch train_dreambooth_lora_flux_kontext.py \\
  --pretrained_model_name_or_path {KONTEXT} \\
  --dataset_name {_quoted(str(folder))} \\
  --image_column {image_column} --cond_image_column {cond_image_column} --caption_column caption \\
  --instance_prompt "refocus the photo" \\
  --resolution {RESOLUTION} --train_batch_size 1 --mixed_precision bf16 --gradient_checkpointing \\
  --rank 32 --learning_rate 1e-4 --max_train_steps 3000 --output_dir refocus-lora
"""


def _ai_toolkit(target: str, controls: list[str]) -> str:
    model, arch = (KONTEXT, "flux_kontext") if len(controls) == 1 else (QWEN_EDIT, "qwen_image_edit_plus")
    return f"""# ai-toolkit: python run.py ai-toolkit.yaml
job: extension
config:
  name: refocus
  process:
    - type: sd_trainer
      training_folder: output
      device: cuda:0
      network: {{type: lora, linear: 32, linear_alpha: 32}}
      save: {{dtype: float16, save_every: 500, max_step_saves_to_keep: 4}}
      datasets:
        - folder_path: {json.dumps(target)}
          control_path: {json.dumps(controls if len(controls) > 1 else controls[0])}
          caption_ext: txt
          caption_dropout_rate: 0.0
          cache_latents_to_disk: true
          resolution: [{RESOLUTION}]
      train:
        batch_size: 1
        steps: 3000
        gradient_checkpointing: true
        train_unet: true
        train_text_encoder: false
        noise_scheduler: flowmatch
        optimizer: adamw8bit
        lr: 1e-4
        timestep_type: weighted
        dtype: bf16
        disable_sampling: true
      model: {{name_or_path: {model}, arch: {arch}, quantize: true}}
meta: {{name: refocus, version: '1.0'}}
"""


def _musubi_tuner(folder: Path, target: str, controls: list[str]) -> str:
    """By folders; by the list with two control pictures, which folders cannot name."""
    by_folders = f"""image_directory = {json.dumps(target)}
control_directory = {json.dumps(controls[0])}
caption_extension = ".txt\""""
    by_list = f"""image_jsonl_file = {json.dumps(str(folder / "metadata.jsonl"))}"""
    return f"""# musubi-tuner: --dataset_config musubi-tuner.toml of its caching and training scripts
[general]
resolution = [{RESOLUTION}, {RESOLUTION}]
batch_size = 1
enable_bucket = true
bucket_no_upscale = true

[[datasets]]
{by_folders if len(controls) == 1 else by_list}
cache_directory = {json.dumps(f"{folder}-cache/musubi-tuner")}
num_repeats = 1
"""


def _diffusion_pipe(target: str, controls: list[str]) -> str:
    control = f"control_path = {json.dumps(controls[0])}"
    return f"""# diffusion-pipe: dataset = 'diffusion-pipe.toml' of its main configuration
resolutions = [{RESOLUTION}]
enable_ar_bucket = true
min_ar = 0.5
max_ar = 2.0
num_ar_buckets = 9
num_repeats = 1

[[directory]]
path = {json.dumps(target)}
{control if len(controls) == 1 else f"control_paths = {json.dumps(controls)}"}
"""


def _simpletuner(folder: Path, target: str, control: str) -> str:
    """With the first control picture: it pairs files by their whole name, and the second ones are PNG."""
    size = {"type": "local", "resolution": RESOLUTION, "resolution_type": "pixel_area", "crop": False}
    backends = [
        {
            "id": "refocus-target",
            "dataset_type": "image",
            "instance_data_dir": target,
            "caption_strategy": "textfile",
            "conditioning_data": ["refocus-control"],
            "cache_dir_vae": f"{folder}-cache/simpletuner/target",
            **size,
        },
        {
            "id": "refocus-control",
            "dataset_type": "conditioning",
            "conditioning_type": "reference_strict",
            "source_dataset_id": "refocus-target",
            "instance_data_dir": control,
            "caption_strategy": None,
            "cache_dir_vae": f"{folder}-cache/simpletuner/control",
            **size,
        },
        {
            "id": "refocus-text",
            "type": "local",
            "dataset_type": "text_embeds",
            "default": True,
            "cache_dir": f"{folder}-cache/simpletuner/text",
        },
    ]
    return json.dumps(backends, indent=2) + "\n"


def _diffsynth(folder: Path, *, has_second_control: bool) -> str:
    kontext = "" if has_second_control else "; for FLUX.1 Kontext use examples/flux and the key kontext_images"
    return f"""# DiffSynth-Studio{kontext}
accelerate launch examples/qwen_image/model_training/train.py \\
  --dataset_base_path {_quoted(str(folder))} \\
  --dataset_metadata_path {_quoted(str(folder / "metadata.jsonl"))} \\
  --data_file_keys "image,edit_image" --extra_inputs "edit_image" \\
  --max_pixels {RESOLUTION * RESOLUTION} --dataset_repeat 1 \\
  --model_id_with_origin_paths "{QWEN_EDIT}:transformer/diffusion_pytorch_model*.safetensors,\\
Qwen/Qwen-Image:text_encoder/model*.safetensors,Qwen/Qwen-Image:vae/diffusion_pytorch_model.safetensors" \\
  --learning_rate 1e-4 --num_epochs 5 --lora_base_model dit --lora_rank 32 \\
  --lora_target_modules "to_q,to_k,to_v,add_q_proj,add_k_proj,add_v_proj,to_out.0,to_add_out" \\
  --remove_prefix_in_ckpt "pipe.dit." --output_path refocus-lora --use_gradient_checkpointing
"""


def _quoted(path: str) -> str:
    return json.dumps(path).replace("$", "\\$")
