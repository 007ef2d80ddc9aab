"""Forms: for card data, which they never show again, and for the admin's pages.

Nothing is imported here: two of them belong to model admins and are imported when Django starts,
the others when a page is opened.
"""
