"""An agreement as a document that people read and sign, and back from the document to the agreement.

Here live the layout of the page, the words around the clauses and the reading of a page. A page is made from the tree
of an agreement and from the vocabulary; what is shown of a clause is what is read back. This room imports the rest of
`mou_policies` and Jinja2, nothing else; files, screens and workspaces are the command line's.
"""

from mou_policies.document.back import ReadBack, differences, load_rendered, read_rendered
from mou_policies.document.page import Signed, Signing, render, short_form

__all__ = [
    "ReadBack",
    "Signed",
    "Signing",
    "differences",
    "load_rendered",
    "read_rendered",
    "render",
    "short_form",
]
