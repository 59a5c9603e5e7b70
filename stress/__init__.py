"""Torture for concurrent writers: many processes, one log, and a ledger kept outside the library under test.

``python -m stress all`` mixes every scenario, ``python -m stress compare`` sets other libraries beside mplog, and
``python -m stress --help`` lists the scenarios for oneself.
The harness starts whole programs, kills parts of them, reads every file back and compares it with the ledger.
It logs nothing itself: only the programs it starts call the library, through an adapter.
"""
