# One drawing for each family: its tables in, every panel in every format out.

STYLE = "src/lastiterate/draw/style.mplstyle"


def with_caption(family, path):
    """A figure of the family, in the format that the report shows with its caption, paper, question and labels for Snakemake's report."""
    if path not in family.shown:
        return path
    panel = Path(path).stem
    paper, question = HEADINGS["papers"][family.paper], HEADINGS["questions"][family.question]
    caption = family.caption_file(panel, ".snakemake/captions")
    return report(path, caption=caption, category=paper, subcategory=question, labels={"family": family.title, "panel": panel})


for family in FAMILIES.values():

    rule:
        name:
            f"draw_{family.name}"
        input:
            tables=family.tables,
            style=STYLE,
        output:
            [with_caption(family, path) for path in family.figures],
        log:
            f"logs/draw_{family.name}.log",
        conda:
            "../environment.yml"
        params:
            module=f"{family.module}.draw",
            parameters=family.parameters,
            code=code_hash(f"{family.module}.draw"),
        shell:
            "python -m {params.module} --parameters {params.parameters:q} --input {input.tables:q} --output {output:q} 2>&1 | tee {log} >&2"

    describe(f"draw_{family.name}", f"Figures of {family.paper}/{family.name}: {family.title}.")
