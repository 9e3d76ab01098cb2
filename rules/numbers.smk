# The papers' figures and tables by their numbers: snakemake schaipp_fig5, bu_table2, defazio_fig3.

for number in NUMBERS:
    if number.target:

        rule:
            name:
                number.target
            input:
                [plain(path) for path in number.files] or cannot_be_had(number),
            localrule: True

        describe(number.target, f"{number.number} of {HEADINGS['papers'][number.paper]}: {number.shows} ({number.verdict}).")
