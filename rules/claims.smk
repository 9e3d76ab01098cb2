# The ledger of published claims, decided by the tables that the figures are drawn from.

CLAIMS = "config/claims.csv"
BUILT = {table for family in FAMILIES.values() if config["public_logs"] or not needs_download(family) for table in family.tables}


rule claims:
    """Ledger of published claims against our values (add --config public_logs=False to leave out what needs a download)."""
    input:
        claims=CLAIMS,
        tables=sorted(BUILT & {str(table_path(claim)) for claim in load_claims(CLAIMS)}),
    output:
        "results/claims.csv",
    log:
        "logs/claims.log",
    conda:
        "../environment.yml"
    params:
        code=code_hash("lastiterate.workflow.claims"),
    shell:
        "python -m lastiterate.workflow.claims --claims {input.claims} --output {output} 2>&1 | tee {log} >&2"
