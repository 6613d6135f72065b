// Lets teams in: who has a name and is in a team of the settings may use the subjects of that team.

import { username, claim } from "portcullis:policy/identity@0.1.1";
import { Permit } from "portcullis:policy/permits@0.1.1";

/** The settings: who is never let in, the account, and the claim that lists teams. */
let settings;

export const decider = {
  /** Takes the settings; what is thrown here is told to the operator. */
  configure(text) {
    const { account, teams = "teams", blocked = [], ...others } = JSON.parse(text);
    if (typeof account !== "string") throw "account: expected a text";
    if (typeof teams !== "string") throw "teams: expected the name of a claim";
    if (!Array.isArray(blocked)) throw "blocked: expected a list of user names";
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw `${unknown}: unknown key`;
    settings = { account, teams, blocked: new Set(blocked) };
  },

  decide() {
    const name = username();
    // What is absent is `undefined` on SpiderMonkey and `null` on QuickJS.
    if (name == null) return { tag: "abstain" };
    if (settings.blocked.has(name)) return { tag: "deny", val: `\`${name}\` is blocked` };
    const teams = claim(settings.teams);
    if (teams.length === 0) return { tag: "deny", val: `\`${name}\` is in no team` };
    const permit = new Permit(settings.account);
    permit.userName(name);
    const subjects = teams.map((team) => `teams.${team}.>`);
    permit.publish(subjects, []);
    permit.subscribe([...subjects, "_INBOX.>"], []);
    return { tag: "permit", val: permit };
  },
};
