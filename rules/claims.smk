# The ledger of published claims, decided by the tables that the figures are drawn from.

BUILT = {table for family in FAMILIES.values() if config["public_logs"] or not needs_download(family) for table in family.tables}


rule claims:
    """Ledger of published claims against our values (add --config public_logs=False to leave out what needs a download)."""
    input:
        sorted(BUILT & {str(table_path(claim)) for claim in load_claims(CLAIMS)}),
    output:
        "results/claims.csv",
    log:
        "logs/claims.log",
    conda:
        ENVIRONMENT
    resources:
        mem_mb=500,
        runtime=5,
    params:
        python=python,
        claims=place(CLAIMS),
        content=lambda wildcards: digest_of([Path(CLAIMS)]),
        code=code_hash("lastiterate.workflow.claims"),
        remakes=REMAKES["claims"],
    shell:
        command("{params.python} -m lastiterate.workflow.claims --claims {params.claims:q} --output {output:q} 2>&1 | tee {log:q} >&2")
