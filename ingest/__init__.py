"""A file of a county's rules -> Regulation: chapters, 条, 款 and 项, each with its place."""
