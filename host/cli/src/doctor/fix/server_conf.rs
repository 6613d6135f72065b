//! Lines of the block `auth_callout` in the servers' configuration.

use std::ops::Range;
use std::path::Path;

use super::change::Change;
use super::diff::is_secret;
use crate::doctor::checks;
use crate::doctor::evidence::{Evidence, OwnXkey, Settings};
use crate::doctor::finding::Code;
use crate::doctor::server_conf::{self, CalloutConf, Spans};

/// Maximum size of the file, in bytes.
const MAX_SIZE: u64 = 4 << 20;

/// The names of the block, and those of its keys as servers know them.
const BLOCK: [&[&str]; 2] = [&["authorization"], &["auth_callout"]];
const ISSUER: &[&str] = &["issuer"];
const ACCOUNT: &[&str] = &["account", "acc"];
const USERS: &[&str] = &["auth_users", "users"];
const XKEY: &[&str] = &["xkey", "key"];

/// A replacement of a part of the text.
type Edit = (Range<usize>, String);

/// Plans the change of `file`. `None` if no finding has a value that is known, or if the result
/// would not end the findings.
pub(super) fn plan(evidence: &Evidence, file: &Path) -> Option<(Vec<Code>, Change)> {
    let settings = evidence.settings.as_ref()?;
    let conf = evidence.server_conf.as_ref()?.as_ref().ok()?;
    let callout = conf.callout.as_ref()?;
    if conf.operator_mode || settings.operator_mode {
        return None;
    }
    let content = portcullis_files::read(file, MAX_SIZE).ok()?;
    let before = String::from_utf8(content.bytes).ok()?;
    let spans = server_conf::spans(file, &before).ok()?;
    let block = Block {
        text: &before,
        spans: &spans,
    };
    let found: Vec<_> = edits(evidence, settings, callout, &block);
    let codes: Vec<_> = found.iter().map(|(code, _)| *code).collect();
    let after = apply(&before, found.into_iter().map(|(_, edit)| edit).collect())?;
    let is_fixed = ends(evidence, file, &after, &codes);
    (!codes.is_empty() && is_fixed && shows_no_secret(&before, &after)).then(|| {
        let change = Change::Content {
            file: file.to_owned(),
            before,
            after,
        };
        (codes, change)
    })
}

/// Returns the replacements, each with the finding that it ends.
fn edits(
    evidence: &Evidence,
    settings: &Settings,
    callout: &CalloutConf,
    block: &Block<'_>,
) -> Vec<(Code, Edit)> {
    let mut edits = Vec::new();
    if let Some(own) = &settings.user
        && !callout.auth_users.contains(own)
    {
        let edit = block.add_to_list(USERS, own);
        edits.extend(edit.map(|edit| (Code::CalloutUserMissing, edit)));
    }
    if let Some(own) = &settings.issuer
        && callout.issuer != *own
        && !settings.other_issuers.contains(&callout.issuer)
    {
        let edit = block.replace(ISSUER, own);
        edits.extend(edit.map(|edit| (Code::CalloutIssuerDiffers, edit)));
    }
    let account = settings.group.account.as_str();
    if callout.account != account && is_confirmed(evidence) {
        let edit = block.replace(ACCOUNT, account);
        edits.extend(edit.map(|edit| (Code::CalloutAccountDiffers, edit)));
    }
    if let OwnXkey::Key(own) = &settings.xkey {
        edits.extend(match &callout.xkey {
            None => {
                let edit = block.add_after(ISSUER, "xkey", own);
                edit.map(|edit| (Code::CalloutXkeyMissingThere, edit))
            }
            Some(there) if there == own || settings.other_xkeys.contains(there) => None,
            Some(_) => {
                let edit = block.replace(XKEY, own);
                edit.map(|edit| (Code::CalloutXkeyDiffers, edit))
            }
        });
    }
    edits
}

/// Returns whether a server says that the host's user is in the account of the host's
/// configuration. Otherwise that configuration may be the wrong one.
fn is_confirmed(evidence: &Evidence) -> bool {
    let mut users = evidence.servers.iter().filter_map(|it| it.user.as_ref());
    users.any(|user| user.obstacles.is_empty())
}

/// Returns whether the changed file ends the findings with these codes.
fn ends(evidence: &Evidence, file: &Path, after: &str, codes: &[Code]) -> bool {
    let Ok(conf) = server_conf::read_text(file, after) else {
        return false;
    };
    let changed = Evidence {
        server_conf: Some(Ok(conf)),
        ..evidence.clone()
    };
    let left = checks::server_conf(&changed).findings;
    !left.iter().any(|finding| codes.contains(&finding.code))
}

/// Returns whether no changed line may hold a secret.
fn shows_no_secret(before: &str, after: &str) -> bool {
    let old: Vec<_> = before.lines().collect();
    let new: Vec<_> = after.lines().collect();
    let removed = old.iter().filter(|line| !new.contains(line));
    let mut changed = removed.chain(new.iter().filter(|line| !old.contains(line)));
    !changed.any(|line| is_secret(line))
}

/// Makes the replacements, from the last to the first. `None` if they overlap.
fn apply(text: &str, mut edits: Vec<Edit>) -> Option<String> {
    edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
    let mut text = text.to_owned();
    let mut limit = text.len();
    for (range, new) in edits {
        if range.end > limit || text.get(range.clone()).is_none() {
            return None;
        }
        limit = range.start;
        text.replace_range(range, &new);
    }
    Some(text)
}

/// The block `auth_callout` in the text of the file.
struct Block<'a> {
    text: &'a str,
    spans: &'a Spans,
}

impl Block<'_> {
    /// Returns the place of the value at one of `keys`, and its text. `None` for a variable, and
    /// for a value in an included file.
    fn value(&self, keys: &'static [&'static str]) -> Option<(Range<usize>, &str)> {
        let [authorization, callout] = BLOCK;
        let range = self.spans.find(&[authorization, callout, keys])?;
        let text = self.text.get(range.clone())?;
        (!text.starts_with('$')).then_some((range, text))
    }

    fn replace(&self, keys: &'static [&'static str], new: &str) -> Option<Edit> {
        let (range, _) = self.value(keys)?;
        Some((range, value_text(new)))
    }

    /// Adds `new` at the end of a list.
    fn add_to_list(&self, keys: &'static [&'static str], new: &str) -> Option<Edit> {
        let (range, list) = self.value(keys)?;
        let inner = list.strip_prefix('[')?.strip_suffix(']')?;
        let new = value_text(new);
        let filled = inner.trim_end();
        let end = range.start.saturating_add(1).saturating_add(filled.len());
        let last_line = inner.rsplit('\n').next().unwrap_or(inner);
        if inner.contains('\n') && last_line.trim().is_empty() {
            // A comment can follow the last entry on its line, so the new one has its own.
            let entry = filled.rsplit('\n').next().unwrap_or_default();
            let indent: String = entry.chars().take_while(|c| c.is_whitespace()).collect();
            let end_of_line = inner.rfind('\n')?;
            let at = range.start.saturating_add(1).saturating_add(end_of_line);
            return Some((at..at, format!("\n{indent}{new}")));
        }
        let comma = if filled.is_empty() || filled.ends_with(',') {
            " "
        } else {
            ", "
        };
        Some((end..end, format!("{comma}{new}")))
    }

    /// Adds a pair after that of one of `keys`.
    fn add_after(&self, keys: &'static [&'static str], key: &str, new: &str) -> Option<Edit> {
        let (range, _) = self.value(keys)?;
        let line_start = self
            .text
            .get(..range.start)?
            .rfind('\n')
            .map_or(0, |at| at.saturating_add(1));
        let line = self.text.get(line_start..range.start)?;
        let rest = self
            .text
            .get(range.end..)?
            .lines()
            .next()
            .unwrap_or_default();
        let new = value_text(new);
        let is_alone = rest.trim_start_matches([',', ';']).trim().is_empty() && !line.contains('{');
        let text = if is_alone {
            let indent: String = line.chars().take_while(|c| c.is_whitespace()).collect();
            format!("\n{indent}{key}: {new}")
        } else {
            format!(", {key}: {new}")
        };
        Some((range.end..range.end, text))
    }
}

/// Returns a text as the value of a pair.
fn value_text(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !text.is_empty() && text.bytes().all(is_plain) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
