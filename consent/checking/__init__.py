"""Finding what is wrong with an audit trail: reading it, following the chain, comparing what was signed or kept.

Lives here: one pass over events and payloads, and the findings made of it. The door in is `consent.trail_check`. Never
here: writing to the registry, or printing.
"""
