"""posit-audit: finds, explains, plans and repairs what an upgrade of Posit Connect or Package Manager trips over."""

__version__ = "0.1.0"
