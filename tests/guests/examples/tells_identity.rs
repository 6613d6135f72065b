//! Denies with the facts of a proved identity and of its certificate.

use portcullis_sdk::prelude::*;

struct Guest;

impl Policy for Guest {
    type Settings = NoSettings;

    fn configure(_: NoSettings) -> Result<Self, SettingsError> {
        Ok(Self)
    }

    fn decide(&self, request: &Request) -> Verdict {
        let certificate = request.certificate();
        let facts = [
            format!("principal={:?}", request.principal()),
            format!("method={:?}", request.method()),
            format!("strength={:?}", request.strength()),
            format!("issuer={:?}", request.issuer()),
            format!("expires_at={:?}", request.expires_at()),
            format!("claim_names={:?}", request.claim_names()),
            format!("claim_values={:?}", request.claim_values("roles")),
            format!("claim_json={:?}", request.claim_json("roles")),
            format!("claim_members={:?}", request.claim_members("teams")),
            format!("groups={:?}", request.groups()),
            format!("tags={:?}", request.tags()),
            format!("role={:?}", request.role()),
            format!("nkey={:?}", request.nkey()),
            format!("certificate.verified={}", certificate.verified()),
            format!("certificate.subject={:?}", certificate.subject()),
            format!("certificate.issuer={:?}", certificate.issuer()),
            format!("certificate.serial={:?}", certificate.serial()),
            format!("certificate.fingerprint={:?}", certificate.fingerprint()),
            format!("certificate.dns_names={:?}", certificate.dns_names()),
            format!("certificate.uri_names={:?}", certificate.uri_names()),
            format!("certificate.email_names={:?}", certificate.email_names()),
            format!("certificate.ip_names={:?}", certificate.ip_names()),
            format!("certificate.spiffe_id={:?}", certificate.spiffe_id()),
            format!("certificate.not_before={:?}", certificate.not_before()),
            format!("certificate.not_after={:?}", certificate.not_after()),
        ];
        Verdict::deny(facts.join("; "))
    }
}

export!(Guest);
