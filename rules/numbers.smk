# The papers' figures and tables by their numbers: snakemake schaipp_fig5, bu_table2, defazio_fig3.


def cannot_be_had(number):
    """Input function that refuses a figure or table that nobody can rebuild, with the reason."""

    def refuse(wildcards):
        raise WorkflowError(f"{number.number} of {HEADINGS['papers'][number.paper]} cannot be had: {number.note}")

    return refuse


for number in NUMBERS:
    if number.target:

        rule:
            name:
                number.target
            input:
                number.files or cannot_be_had(number),

        describe(number.target, f"{number.number} of {HEADINGS['papers'][number.paper]}: {number.shows} ({number.verdict}).")
