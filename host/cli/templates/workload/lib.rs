//! The policy `__NAME__`: services that present a client certificate with their name.

use portcullis_sdk::prelude::*;
use portcullis_sdk::profile::{Combination, Profile, ProfileTemplate};
use portcullis_sdk::template::Values;

/// The table `[settings]` of `__NAME__.toml`.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// The account of all services.
    account: String,
    /// The domain of the services: `svc.example.com` for `billing.svc.example.com`.
    domain: String,
    /// What a service may do. `{{service}}` stands for its name.
    permissions: Profile,
}

struct Services {
    account: String,
    suffix: String,
    permissions: ProfileTemplate,
}

impl Policy for Services {
    type Settings = Settings;

    fn configure(settings: Settings) -> Result<Self, SettingsError> {
        check_account(&settings.account).map_err(|error| SettingsError::at("account", error))?;
        Ok(Self {
            account: settings.account,
            suffix: format!(".{}", settings.domain),
            permissions: settings.permissions.template("permissions", &["service"])?,
        })
    }

    fn decide(&self, request: &Request) -> Verdict {
        // Only the content of a verified certificate counts.
        if request.method() != Method::Certificate || !request.certificate().verified() {
            return Verdict::Abstain;
        }
        let names = request.certificate().dns_names();
        match names
            .iter()
            .find_map(|name| name.strip_suffix(&self.suffix))
        {
            Some(service) => self.permit(request, service),
            None => Verdict::deny("the certificate names no service of ours"),
        }
    }
}

impl Services {
    fn permit(&self, request: &Request, service: &str) -> Verdict {
        let values = Values::new(request)
            .account(&self.account)
            .with("service", service);
        let mut combination = Combination::default();
        match combination.add("permissions", &self.permissions, &values) {
            Ok(()) => combination
                .add_to(Permit::new(&self.account).with_user_name(service))
                .into(),
            Err(refusal) => Verdict::deny(refusal),
        }
    }
}

export!(Services);

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_sdk::testing;

    fn decide(name: &str) -> Verdict {
        let services: Services = testing::configure(
            r#"{
                "account": "APP",
                "domain": "svc.example.com",
                "permissions": { "publish": { "allow": ["services.{{service}}.>"] } }
            }"#,
        )
        .unwrap();
        let login = Request::builder().method(Method::Certificate).proved();
        services.decide(&login.certificate_dns_names([name]).build())
    }

    #[test]
    fn a_service_publishes_under_its_name() {
        let permit = Permit::new("APP")
            .with_user_name("billing")
            .allow_publish(["services.billing.>"]);
        assert_eq!(decide("billing.svc.example.com"), permit.into());
    }

    #[test]
    fn certificates_of_other_domains_are_denied() {
        let denied = Verdict::deny("the certificate names no service of ours");
        assert_eq!(decide("billing.example.net"), denied);
    }

    #[test]
    fn a_name_brings_no_dot_into_a_subject() {
        let permit = Permit::new("APP")
            .with_user_name("a.b")
            .allow_publish(["services.a%2Eb.>"]);
        assert_eq!(decide("a.b.svc.example.com"), permit.into());
    }
}
