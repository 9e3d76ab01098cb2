# The report: every figure in one page, and the ledger and provenance with it.

SHOWN = [family for family in FAMILIES.values() if config["public_logs"] or not needs_download(family)]


rule report:
    """One self-contained page with every figure, the claims and the provenance (public_logs=False: only what needs no download)."""
    input:
        [path for family in SHOWN for path in family.shown],
        rules.claims.output,
        [f"src/lastiterate/workflow/page/report.{suffix}" for suffix in ("html", "css", "js")],
    output:
        "report.html",
    params:
        content={
            **HEADINGS,
            "families": [
                {key: getattr(family, key) for key in ("paper", "question", "name", "title", "shown")} for family in SHOWN
            ],
            "config": config,
        },
        code=code_hash("lastiterate.workflow.report"),
    run:
        from lastiterate.workflow.report import write_report

        write_report(output[0], params.content)
