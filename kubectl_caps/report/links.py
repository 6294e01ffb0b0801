"""Addresses of the project's pages, for reports that are read elsewhere."""

HOME = "https://github.com/kubectl-caps/kubectl-caps"


def docs(page: str, heading: str = "") -> str:
    """A page of docs/, or a heading in it as GitHub makes anchors of headings."""
    return f"{HOME}/blob/main/docs/{page}{f'#{heading.lower()}' if heading else ''}"
