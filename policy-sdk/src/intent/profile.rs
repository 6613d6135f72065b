//! What a profile makes of its intents: a permit, or templates.

use super::texts::Texts;
use super::{Intents, Rights, private_inbox};
use crate::template::literal_problem;
use crate::{Permit, SettingsError};

impl Intents {
    /// Adds the rights to a permit, with literal names and subjects. The private inbox is that of
    /// the permit's user name.
    pub(crate) fn add_to(&self, permit: Permit) -> Permit {
        let inbox = self
            .private_inbox
            .then(|| private_inbox(permit.user_name().unwrap_or_default()));
        let parts = self
            .parts(Texts::Literal)
            .into_iter()
            .map(|(_, rights)| rights);
        inbox.into_iter().chain(parts).fold(permit, Permit::allow)
    }

    /// Returns the rights as templates, to be parsed, each with its key below `key`.
    pub(crate) fn templates(&self, key: &str) -> Vec<(String, Rights)> {
        let inbox = self.private_inbox.then(|| {
            let inbox = Rights::default().subscribing("_INBOX.{{user-name}}.>");
            ("private-inbox".to_owned(), inbox)
        });
        let parts = inbox.into_iter().chain(self.parts(Texts::Template));
        parts
            .map(|(path, rights)| (format!("{key}.intents.{path}"), rights))
            .collect()
    }

    /// Returns the problems of the table, each with its key below `key`. `texts` says whether the
    /// texts are literal, or shapes of templates.
    pub(crate) fn check(&self, key: &str, texts: Texts) -> Vec<SettingsError> {
        let whole = self
            .reach_problem()
            .map(|problem| SettingsError::at(format!("{key}.intents"), problem));
        let parts = self.parts(texts).into_iter().flat_map(|(path, rights)| {
            let at = format!("{key}.intents.{path}");
            let place = rights.place_problem(texts);
            let problems = rights.problems.into_iter().chain(place);
            problems.map(move |problem| SettingsError::at(at.clone(), problem))
        });
        whole.into_iter().chain(parts).collect()
    }
}

impl Rights {
    /// Returns the problem of literal subjects that look like templates. Names are not among them:
    /// their own check refuses braces.
    fn place_problem(&self, texts: Texts) -> Option<String> {
        let is_literal = texts == Texts::Literal && self.problems.is_empty();
        let mut subjects = self.publish().iter().chain(self.subscribe());
        subjects
            .find_map(|subject| literal_problem(subject))
            .filter(|_| is_literal)
    }
}
