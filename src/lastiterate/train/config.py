"""Training configs: config/train/NAME.yaml, checked against config/train/schema.yaml."""

from pathlib import Path

from lastiterate.workflow.config import check_config
from lastiterate.workflow.families import read_yaml

SCHEMA = "schema.yaml"


def load_train_config(path: Path | str) -> dict:
    """A training config with defaults filled in; ValueError that names file and key of everything wrong in it."""
    path = Path(path)
    if not path.is_file():
        known = sorted(other.stem for other in path.parent.glob("*.yaml") if other.name != SCHEMA)
        raise ValueError(f"there is no training config {path}: use one of {', '.join(known) or '(none)'}")
    config = read_yaml(path)
    try:
        check_config(config, read_yaml(path.with_name(SCHEMA)))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None
    config["name"] = path.stem
    if config["batch_size"] % (micro := config.setdefault("micro_batch", config["batch_size"])):
        raise ValueError(f"{path}: micro_batch={micro} must divide batch_size={config['batch_size']}")
    return config
