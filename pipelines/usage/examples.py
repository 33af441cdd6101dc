"""Three commands for the help of each verb: the plainest first. A test parses them all."""

EXAMPLES = {
    "doctor": ("", "--out out/mine --samples 5000", "--depth my/model-folder --json"),
    "fetch-depth": (
        "models/depth",
        "models/indoor --model depth-anything/Depth-Anything-V2-Metric-Indoor-Small-hf",
        "models/depth --revision 5426e4f0f36572d16453bbda7a8389317b1bef99 --json",
    ),
    "render": (
        "--photos my/photos --out out/mine",
        "--photos builtin:9 --out out/f --f-number 1.4,2.8 --focal-length 50 --sensor-width 36 --depth-meters 1,10",
        "--photos photos.csv --depth sidecar --out out/mine --dry-run",
    ),
    "verify": ("out/mine", "out/mine --json", "s3://bucket/set --workers 4"),
    "preview": ("out/mine", "out/mine --linked", "out/mine --gif 00000003"),
    "card": ("out/mine", "out/mine --json", "s3://bucket/set"),
    "audit": ("out/mine", "out/mine --samples 100", "others/shards --map fields.yaml"),
    "export": (
        "out/mine --to out/pairs",
        "out/mine --to out/table --format parquet --split all",
        "out/mine --to out/stacks --format fossa --f-number 1.8",
    ),
    "publish": ("out/mine name/set", "out/mine name/set --push", "out/mine name/set --push --public --title 'My set'"),
    "benchmark": ("", "--checkpoint out/run", "--predictions my/answers --part full"),
    "train": (
        "--data out/mine --out out/run",
        "--recipe tiny --data out/mine --out out/run",
        "--recipe sharpen --data s3://bucket/set --out out/run --max-steps 2000",
    ),
    "refocus": (
        "photo.jpg --focus 0.4,0.6 --blur-level 3",
        "photo.jpg --focus 0.4,0.6 --blur-level 3 --checkpoint out/run --out near.png",
        "photo.jpg --blur-level 3 --focus-sweep 24",
    ),
    "experiment": (
        "--study ways",
        "--study stacking-clean --seeds 0 1 2",
        "--study ways --steps 200 --scenes 40",
    ),
    "validate": ("", "--scenes cutouts ground --no-checks", "--width 240 --out out/check"),
    "bench": ("", "--quick", "--parts renderer --sizes 512 --radii 8 16"),
    "gpu": ("", "--parts correctness renderer", "--out out/gpu.md"),
}
"""Verb -> what follows it."""
