//! The subject of login events: a template with the account and the user.

use std::fmt::{self, Write as _};
use std::str::FromStr;

/// Maximum length of the token of an account or a user, in bytes. A longer one is cut, which its
/// last character `%` shows.
const MAX_TOKEN: usize = 200;

/// Maximum length of the template, in bytes.
const MAX_TEMPLATE: usize = 200;

/// The template of a subject, such as `portcullis.logins.{account}.{user}`. Each placeholder is a
/// token of the subject. `{account}` is among them, so that no account gets the events of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventSubject(Vec<Token>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Text(String),
    Account,
    User,
}

/// A reason why a text is no template of a subject.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEventSubject {
    /// A token is empty, or has a wildcard, a blank or a control character.
    #[error(
        "`{0}` is no subject: tokens have no blanks and no wildcards, as in `portcullis.logins.{{account}}`"
    )]
    Token(String),
    /// A token has a brace and is no placeholder.
    #[error("`{0}` is no placeholder: `{{account}}` and `{{user}}` are, and each is a whole token")]
    Placeholder(String),
    /// A placeholder is there twice.
    #[error("`{0}` is there twice")]
    Repeated(String),
    /// The account is not in the subject.
    #[error("`{{account}}` is missing: without it, an account could import the logins of others")]
    NoAccount,
    /// The subject begins with a placeholder or with `$`.
    #[error(
        "`{0}` cannot be the first token: begin with a plain one, as in `portcullis.logins.{{account}}`"
    )]
    First(String),
    /// The text is too long.
    #[error("the subject is longer than {MAX_TEMPLATE} bytes")]
    TooLong,
}

impl EventSubject {
    /// Returns the subject of a login of `user` for `account`. Tokens are encoded: a character that
    /// is not printable ASCII, and each of `.`, `*`, `>` and `%`, is `%` and two hexadecimal digits
    /// for each of its bytes. A login without a user has the token `-`.
    pub fn subject(&self, account: &str, user: Option<&str>) -> String {
        self.filled(&encoded(account), &encoded(user.unwrap_or_default()))
    }

    /// Returns the subject of all logins, with a wildcard for each placeholder.
    pub(crate) fn of_all(&self) -> String {
        self.filled("*", "*")
    }

    /// Returns the subject of all logins for `account`, with a wildcard for the user.
    pub(crate) fn of_account(&self, account: &str) -> String {
        self.filled(&encoded(account), "*")
    }

    fn filled(&self, account: &str, user: &str) -> String {
        let tokens = self.0.iter().map(|token| match token {
            Token::Text(text) => text.as_str(),
            Token::Account => account,
            Token::User => user,
        });
        tokens.collect::<Vec<_>>().join(".")
    }
}

impl FromStr for EventSubject {
    type Err = InvalidEventSubject;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEMPLATE {
            return Err(InvalidEventSubject::TooLong);
        }
        let tokens = text.split('.').map(Token::parse);
        let tokens = tokens.collect::<Result<Vec<_>, _>>()?;
        match tokens.first() {
            Some(Token::Text(first)) if !first.starts_with('$') => {}
            first => {
                let first = first.map(ToString::to_string).unwrap_or_default();
                return Err(InvalidEventSubject::First(first));
            }
        }
        // Long names in several tokens would exceed the servers' limit of a line.
        for placeholder in [Token::Account, Token::User] {
            if tokens.iter().filter(|token| **token == placeholder).count() > 1 {
                return Err(InvalidEventSubject::Repeated(placeholder.to_string()));
            }
        }
        if !tokens.contains(&Token::Account) {
            return Err(InvalidEventSubject::NoAccount);
        }
        Ok(Self(tokens))
    }
}

impl Token {
    fn parse(text: &str) -> Result<Self, InvalidEventSubject> {
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '*' && c != '>';
        match text {
            "{account}" => Ok(Self::Account),
            "{user}" => Ok(Self::User),
            _ if text.contains(['{', '}']) => {
                Err(InvalidEventSubject::Placeholder(text.to_owned()))
            }
            _ if !text.is_empty() && text.chars().all(is_plain) => Ok(Self::Text(text.to_owned())),
            _ => Err(InvalidEventSubject::Token(text.escape_debug().to_string())),
        }
    }
}

impl fmt::Display for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Text(text) => text,
            Self::Account => "{account}",
            Self::User => "{user}",
        })
    }
}

impl fmt::Display for EventSubject {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, token) in self.0.iter().enumerate() {
            if index > 0 {
                formatter.write_char('.')?;
            }
            token.fmt(formatter)?;
        }
        Ok(())
    }
}

/// Returns a name as one token. Different names have different tokens, unless they are cut.
fn encoded(name: &str) -> String {
    match name {
        "" => return "-".to_owned(),
        "-" => return "%2D".to_owned(),
        _ => {}
    }
    let mut token = String::new();
    for byte in name.bytes() {
        let is_plain = byte.is_ascii_graphic() && !b".*>%".contains(&byte);
        let length = if is_plain { 1 } else { 3 };
        if token.len().saturating_add(length) > MAX_TOKEN {
            token.push('%');
            break;
        }
        if is_plain {
            token.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_tokens_that_are_neither_more_tokens_nor_wildcards() {
        let template: EventSubject = "logins.{account}.by.{user}".parse().unwrap();
        assert_eq!(template.to_string(), "logins.{account}.by.{user}");
        for (account, user, subject) in [
            ("APP", Some("alice"), "logins.APP.by.alice"),
            ("$G", None, "logins.$G.by.-"),
            ("A", Some(""), "logins.A.by.-"),
            ("A", Some("-"), "logins.A.by.%2D"),
            ("A", Some("--"), "logins.A.by.--"),
            ("A.B", Some("a.*.>"), "logins.A%2EB.by.a%2E%2A%2E%3E"),
            (
                "A",
                Some("100% \r\nPUB x"),
                "logins.A.by.100%25%20%0D%0APUB%20x",
            ),
            ("A", Some("ü"), "logins.A.by.%C3%BC"),
            ("A", Some("{account}"), "logins.A.by.{account}"),
            ("A", Some("a@b+c:d/e"), "logins.A.by.a@b+c:d/e"),
        ] {
            assert_eq!(template.subject(account, user), subject);
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        let template: EventSubject = "logins.{account}.{user}".parse().unwrap();
        for letter in ["x", ".", "ü"] {
            let subject = template.subject("A", Some(&letter.repeat(5000)));
            assert!(
                subject.len() <= "logins.A.".len() + MAX_TOKEN + 1,
                "{subject}"
            );
            assert!(subject.ends_with('%'));
        }
        let whole = template.subject("A", Some(&"x".repeat(MAX_TOKEN)));
        assert!(!whole.ends_with('%'));
    }

    #[test]
    fn a_template_has_the_account_and_whole_tokens() {
        for (text, part) in [
            ("logins", "`{account}` is missing"),
            ("logins.{user}", "`{account}` is missing"),
            ("logins.x{account}", "`x{account}` is no placeholder"),
            ("logins.{acount}", "`{acount}` is no placeholder"),
            ("logins.{account}.*", "no wildcards"),
            ("logins..{account}", "no blanks"),
            ("", "no blanks"),
            ("logins.{account}.a b", "`a b`"),
            ("x.{account}.{user}.{user}", "`{user}` is there twice"),
            ("{account}.logins", "`{account}` cannot be the first token"),
            ("$SYS.{account}", "`$SYS` cannot be the first token"),
        ] {
            let error = text.parse::<EventSubject>().unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("logins.{{account}}.{}", "x".repeat(MAX_TEMPLATE));
        assert!(long.parse::<EventSubject>().is_err());
    }
}
