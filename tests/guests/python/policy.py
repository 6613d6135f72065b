"""Lets teams in: who has a name and is in a team of the settings may use the subjects of that team."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.decider import Verdict, Verdict_Abstain, Verdict_Deny, Verdict_Permit
from wit_world.imports import identity
from wit_world.imports.permits import Permit


class Decider(exports.Decider):
    def configure(self, settings: str) -> None:
        global account, teams, blocked
        read = json.loads(settings)
        account = read.pop("account", None)
        teams = read.pop("teams", "teams")
        blocked = read.pop("blocked", [])
        if not isinstance(account, str):
            raise Err("account: expected a text")
        if not isinstance(teams, str):
            raise Err("teams: expected the name of a claim")
        if not isinstance(blocked, list):
            raise Err("blocked: expected a list of user names")
        for key in read:
            raise Err(f"{key}: unknown key")

    def decide(self) -> Verdict:
        name = identity.username()
        if name is None:
            return Verdict_Abstain()
        if name in blocked:
            return Verdict_Deny(f"`{name}` is blocked")
        member = identity.claim(teams)
        if not member:
            return Verdict_Deny(f"`{name}` is in no team")
        permit = Permit(account)
        permit.user_name(name)
        subjects = [f"teams.{team}.>" for team in member]
        permit.publish(subjects, [])
        permit.subscribe([*subjects, "_INBOX.>"], [])
        return Verdict_Permit(permit)
