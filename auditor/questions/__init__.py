"""What more than one rule asks of a release: one question, one pure answer, one place.

A question whose answer was not seen raises `NotSeenError`, which the judge turns into an unknown finding.
"""
