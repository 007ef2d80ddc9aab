"""Parts of a shop's pages: a form whose card stays out of the server, saved cards, paying once.

* :mod:`.views`: ``WalletMixin`` for views of your own, ``CardsView`` and ``PayView`` ready to use;
* :mod:`.wallet`: what they do, without HTTP;
* :mod:`.receipts`: an e-mail after each approved charge;
* ``{% load dinero_wallet %}``: cards, the card's form, amounts, receipts.
"""
