"""Model providers behind one protocol, one folder per vendor.

``base`` says what the pipeline asks of a provider, ``vendors`` is the table of vendors and models, ``failures`` names
what can go wrong. Only the module ``client`` of a folder imports the vendor's SDK, with the first call.
"""
