//! Texts that have the form of a place.

/// Returns the first part of a text that has the form of a place, in this or another language of
/// templates: `{{…}}`, `{…}`, or two braces without their counterpart. `None` if it has none.
///
/// For policies that take a setting as it is: an author who wrote a place there expects a value.
///
/// ```
/// use portcullis_sdk::template::place_in;
///
/// assert_eq!(place_in("app.{{claim.sub}}.>"), Some("{{claim.sub}}"));
/// assert_eq!(place_in("app.${user}.>"), Some("{user}"));
/// assert_eq!(place_in("app.{{"), Some("{{"));
/// assert_eq!(place_in("app.>"), None);
/// ```
pub fn place_in(text: &str) -> Option<&str> {
    let Some((_, inside)) = text.split_once('{') else {
        return text.contains("}}").then_some("}}");
    };
    let start = text.len().checked_sub(inside.len())?.checked_sub(1)?;
    let Some(length) = inside.find('}') else {
        return text.contains("{{").then_some("{{");
    };
    let behind = inside.get(length..)?;
    let closing = behind
        .len()
        .checked_sub(behind.trim_start_matches('}').len())?;
    let end = start
        .checked_add(1)?
        .checked_add(length)?
        .checked_add(closing)?;
    text.get(start..end)
}

/// Returns the problem of a literal subject that looks like a template.
pub(crate) fn literal_problem(subject: &str) -> Option<String> {
    let place = place_in(subject)?.escape_debug();
    let subject = subject.escape_debug();
    Some(format!(
        "`{place}` in `{subject}`: this policy offers no places; write a profile for each user, or set `private-inbox` \
         under `intents` for an inbox of the user's own"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_form_of_a_place_is_found() {
        for (text, place) in [
            ("", None),
            ("a.b q", None),
            ("a{b", None),
            ("a}b", None),
            ("{}", Some("{}")),
            ("{{}}", Some("{{}}")),
            ("a.{{user-name}}.{b}", Some("{{user-name}}")),
            ("a.{b}.{{c}}", Some("{b}")),
            ("{{{a}}}.b", Some("{{{a}}}")),
            ("a.{{b", Some("{{")),
            ("a}}.b", Some("}}")),
            ("ä.{é}", Some("{é}")),
        ] {
            assert_eq!(place_in(text), place, "{text}");
        }
    }
}
