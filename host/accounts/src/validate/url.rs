//! URLs, as far as validation reads them.

/// The parts of a URL that are validated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Url<'a> {
    pub(super) scheme: &'a str,
    pub(super) user: Option<&'a str>,
    pub(super) host: &'a str,
    pub(super) path: &'a str,
}

impl<'a> Url<'a> {
    /// Reads a URL as Go's `url.Parse` does, which accepts nearly any text. `None` if Go refuses
    /// it.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        if text.chars().any(|letter| letter.is_ascii_control()) {
            return None;
        }
        let text = text.split_once('#').map_or(text, |(text, _)| text);
        let (scheme, rest) = scheme(text)?;
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let Some(rest) = rest.strip_prefix("//") else {
            let first = rest.split('/').next().unwrap_or_default();
            if scheme.is_empty() && first.contains(':') {
                return None;
            }
            // What follows a scheme without a slash is opaque, and no path.
            let is_path = scheme.is_empty() || rest.starts_with('/');
            let path = if is_path { rest } else { "" };
            return Some(Self {
                scheme,
                path,
                ..Self::default()
            });
        };
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        let is_host = |letter: char| !letter.is_ascii() || !r#" <>"\^`{|}"#.contains(letter);
        let port = host.rsplit(']').next().unwrap_or(host).rsplit_once(':');
        let is_port = port.is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
        let name = match port {
            Some((_, port)) => host
                .strip_suffix(port)
                .and_then(|host| host.strip_suffix(':'))
                .unwrap_or(host),
            None => host,
        };
        (host.chars().all(is_host) && is_port).then_some(Self {
            scheme,
            user,
            host: name,
            path,
        })
    }
}

/// Splits the scheme off. It is empty if the text has none. `None` if the text begins with `:`.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && !"+-.".contains(letter));
    let Some((scheme, rest)) = end.and_then(|end| text.split_at_checked(end)) else {
        return Some(("", text));
    };
    let begins = scheme.starts_with(|letter: char| letter.is_ascii_alphabetic());
    match rest.strip_prefix(':') {
        Some(_) if scheme.is_empty() => None,
        Some(rest) if begins => Some((scheme, rest)),
        _ => Some(("", text)),
    }
}
