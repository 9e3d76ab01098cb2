# The report: every figure in one page, and the ledger and provenance with it.

# Families that take minutes (default: false) are shown where they are built already.
SHOWN = [
    family
    for family in FAMILIES.values()
    if (config["public_logs"] or not needs_download(family)) and (family.default or all(Path(path).exists() for path in family.shown))
]
REPORT = STATE / "report.json"  # written when it changes, which makes the page again
write_if_changed(REPORT, report_content(config, SHOWN, SOURCES, HEADINGS, NUMBERS))


rule report:
    """One self-contained page with every figure, the claims and the provenance (public_logs=False: only what needs no download)."""
    input:
        [plain(path) for family in SHOWN for path in family.shown],
        content=local(str(REPORT)),
        ledger="results/claims.csv",
    output:
        "report.html",
    log:
        "logs/report.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=1000,
        runtime=5,
    params:
        python=python,
        claims=place(CLAIMS),
        code=code_hash(
            "lastiterate.workflow.report",
            files=sorted([*(PACKAGE / "lastiterate/workflow/page").iterdir(), *(PACKAGE / "lastiterate/explorer").glob("explorer.*")]),
        ),
    shell:
        command(
            "{params.python} -m lastiterate.workflow.report --content {input.content:q} --ledger {input.ledger:q} --claims {params.claims:q}"
            " --output {output:q} 2>&1 | tee {log:q} >&2"
        )
