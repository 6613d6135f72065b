//! The values that fill templates at a login.

use std::cell::RefCell;

use super::place::Place;
use crate::{Request, Strength};

/// The values that fill templates at a login. A fact is queried from the host when the first
/// template needs it, and only once.
///
/// ```
/// use portcullis_sdk::Request;
/// use portcullis_sdk::template::{Template, Values};
///
/// let template = Template::publish("{{account}}.{{user-name}}.{{shard}}.>", &["shard"])?;
/// let request = Request::builder().build();
/// let values = Values::new(&request).account("APP").user_name("alice").with("shard", "7");
/// assert_eq!(template.subjects(&values)?, ["APP.alice.7.>"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Values<'request> {
    request: &'request Request,
    account: Option<String>,
    user_name: Option<String>,
    own: Vec<(String, String)>,
    asked: RefCell<Vec<(Place, Vec<String>)>>,
}

impl<'request> Values<'request> {
    /// Creates the values of this login.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{Template, Values};
    ///
    /// let request = Request::builder().groups(["ops"]).build();
    /// let template = Template::publish("a.{{group}}", &[])?;
    /// assert_eq!(template.subjects(&Values::new(&request))?, ["a.ops"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub const fn new(request: &'request Request) -> Self {
        Self {
            request,
            account: None,
            user_name: None,
            own: Vec::new(),
            asked: RefCell::new(Vec::new()),
        }
    }

    /// Sets the value of `{{account}}`: the account of the permit.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{Template, Values};
    ///
    /// let request = Request::builder().build();
    /// let template = Template::publish("{{account}}.>", &[])?;
    /// assert_eq!(template.subjects(&Values::new(&request).account("APP"))?, ["APP.>"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.account = Some(account.into());
        self
    }

    /// Sets the value of `{{user-name}}`: the user name of the permit.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{Template, Values};
    ///
    /// let request = Request::builder().build();
    /// let template = Template::publish("{{user-name}}.>", &[])?;
    /// assert_eq!(template.subjects(&Values::new(&request).user_name("alice"))?, ["alice.>"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn user_name(mut self, name: impl Into<String>) -> Self {
        self.user_name = Some(name.into());
        self
    }

    /// Adds a value of one of the policy's own places. The value must be proved.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    /// use portcullis_sdk::template::{Template, Values};
    ///
    /// let request = Request::builder().build();
    /// let template = Template::publish("a.{{shard}}", &["shard"])?;
    /// let values = Values::new(&request).with("shard", "1").with("shard", "2");
    /// assert_eq!(template.subjects(&values)?, ["a.1", "a.2"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with(mut self, place: impl Into<String>, value: impl Into<String>) -> Self {
        self.own.push((place.into(), value.into()));
        self
    }

    /// Returns the values of a place, without empty ones.
    pub(super) fn of(&self, place: &Place) -> Vec<String> {
        let mut values = match place {
            Place::Account => self.account.iter().cloned().collect(),
            Place::UserName => self.user_name.iter().cloned().collect(),
            Place::Own(name) => self.own_values(name),
            _ => self.fact(place),
        };
        values.retain(|value| !value.is_empty());
        values
    }

    fn own_values(&self, name: &str) -> Vec<String> {
        let of_name = self.own.iter().filter(|(known, _)| known == name);
        of_name.map(|(_, value)| value.clone()).collect()
    }

    fn fact(&self, place: &Place) -> Vec<String> {
        let mut asked = self.asked.borrow_mut();
        if let Some((_, values)) = asked.iter().find(|(known, _)| known == place) {
            return values.clone();
        }
        let values = self.ask(place);
        asked.push((place.clone(), values.clone()));
        values
    }

    fn ask(&self, place: &Place) -> Vec<String> {
        let request = self.request;
        match place {
            Place::Claim(path) => claim(request, path),
            Place::Tag(name) => tagged(&request.tags(), name),
            Place::Group => request.groups(),
            Place::Principal => match request.strength() {
                Strength::Proved => request.principal().into_iter().collect(),
                Strength::Claimed => Vec::new(),
            },
            Place::Nkey => request.nkey().into_iter().collect(),
            Place::Account | Place::UserName | Place::Own(_) => Vec::new(),
        }
    }
}

/// Returns the values of a claim.
///
/// An e-mail address or telephone number counts as missing if the issuer has not verified it: it is
/// only what its holder typed (`OpenID` Connect Core 1.0, section 5.1). Some issuers write the
/// truth value as a text. The host has the same rule for principals, in `host/identity`: change
/// both.
pub(super) fn claim(request: &Request, path: &str) -> Vec<String> {
    let verified_by = match path.strip_prefix('/').unwrap_or(path) {
        "email" => Some("email_verified"),
        "phone_number" => Some("phone_number_verified"),
        _ => None,
    };
    match verified_by {
        Some(verified) if request.claim_values(verified) != ["true"] => Vec::new(),
        _ => request.claim_values(path),
    }
}

/// Returns the `VALUE` of every tag `NAME:VALUE`.
fn tagged(tags: &[String], name: &str) -> Vec<String> {
    let value = |tag: &String| {
        let (known, value) = tag.split_once(':')?;
        (known == name).then(|| value.to_owned())
    };
    tags.iter().filter_map(value).collect()
}
