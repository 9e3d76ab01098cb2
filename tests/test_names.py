"""Names and paths of the configuration and the registry: each names one file, in its place, or is refused where it comes in."""

import pytest
import yaml

from conftest import ROOT
from lastiterate.train.config import load_train_config
from lastiterate.workflow.names import is_inside, is_name, is_path
from lastiterate.workflow.sources import load_sources

EVIL = ["../x", "..", ".", "/etc/passwd", "a/../../b", "a\nb", "a\0b", "a\x1b[31m", "a\u202eb", "-rf"]
EVIL += ["a b", "a;b", "$(a)", "`a`", "a'b", "{a}", ""]
HEADER = "source,reader,repository,commit,path,sha256,bytes,licence\n"
GOOD = {
    "source": "s", "reader": "logs", "repository": "someone/logs", "commit": "1" * 40, "path": "a/b.csv", "sha256": "2" * 64,
    "bytes": "10", "licence": "MIT",
}  # fmt: skip


def registry(folder, **changed):
    (folder / "config").mkdir(exist_ok=True)
    path = folder / "config/sources.csv"
    quoted = ('"' + value.replace('"', '""') + '"' for value in (GOOD | changed).values())
    path.write_text(HEADER + ",".join(quoted) + "\n", encoding="utf-8", newline="")
    return path


def test_a_name_is_a_name_and_a_path_stays_inside():
    assert all(map(is_name, ["wsd_0.2", "a+b=c", "llama-124m", "9"])) and not any(map(is_name, [*EVIL, "x" * 101]))
    assert is_inside("a b/c'd.csv") and is_path("/scratch/a b") and is_path("../tokens")
    assert not any(map(is_inside, ["../x", "..", "/etc/passwd", "a/../../b", "a\nb", "a\0b", "a\x1b", "-rf", ""]))


def test_the_registry_as_it_should_be(tmp_path):
    (file,) = load_sources(registry(tmp_path))["s"].files
    assert str(file.local) == f"data/raw/someone/logs/{'1' * 40}/a/b.csv"


@pytest.mark.parametrize("path", ["../x", "..", ".", "/etc/passwd", "a/../../b", "a\nb", "a\x1b[31m", "a\u202eb", "-rf", ""])
def test_a_path_that_leaves_its_place_is_refused(tmp_path, path):
    with pytest.raises(ValueError, match=r"sources.csv, line 2: path="):
        load_sources(registry(tmp_path, path=path))


@pytest.mark.parametrize("repository", ["../x", "x/..", "../..", "./.", "a/b/c", "/a", "a\n/b", "a", "é/b"])
def test_a_repository_is_owner_and_name(tmp_path, repository):
    with pytest.raises(ValueError, match=r"sources.csv, line 2: repository="):
        load_sources(registry(tmp_path, repository=repository))


@pytest.mark.parametrize("column", ["source", "reader", "commit", "sha256", "bytes"])
@pytest.mark.parametrize("value", ["../x", "a\n", "1\n", "9" * 5000, "-1", "$(x)"])
def test_no_other_column_takes_it_either(tmp_path, column, value):
    with pytest.raises(ValueError, match=f"sources.csv, line 2: {column}="):
        load_sources(registry(tmp_path, **{column: value}))


@pytest.mark.parametrize("content", [b"\xff\xfe", b"source,reader\0\n", HEADER.encode() + b'"' + b"a" * 200_000])
def test_a_registry_that_is_no_table_is_refused_by_its_name(tmp_path, content):
    path = registry(tmp_path)
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"config/sources.csv"):
        load_sources(path)


@pytest.mark.parametrize("key", ["models", "optimizers", "schedules", "datasets"])
@pytest.mark.parametrize("name", ["../x", "a\n", "-rf", "a b", "{a}", "$(a)"])
def test_names_of_a_training_config_become_folders(tmp_path, key, name):
    config = yaml.safe_load((ROOT / "config/train/smoke.yaml").read_text())
    config[key][name] = next(iter(config[key].values()))
    (tmp_path / "schema.yaml").write_text((ROOT / "config/train/schema.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ValueError, match=rf"mine.yaml: config: {key}: .* must be 1 to 100 letters"):
        load_train_config(tmp_path / "mine.yaml")
