//! `portcullis jwt`.

use std::fs;

use super::Site;
use crate::exit::ExitCode;

#[test]
fn tokens_are_verified_by_signature_claims_and_store() {
    let site = Site::new();
    let jwt = site.text("account jwt APP");
    fs::write(site.path("app.jwt"), &jwt).unwrap();
    assert!(
        site.text("jwt verify @app.jwt")
            .contains("a key that the store's JWTs name")
    );
    let other = Site::new();
    fs::write(site.path("other.jwt"), other.text("account jwt APP")).unwrap();
    let (text, code) = site.fails("jwt verify @other.jwt");
    assert!(text.contains("not signed by a key"), "{text}");
    assert_eq!(code, ExitCode::BadConfiguration);
    fs::write(site.path("bad.jwt"), jwt.replace("eyJ0eXAi", "eyJ0eXBi")).unwrap();
    site.fails("jwt verify @bad.jwt");
    fs::copy(site.path("store/operator.jwt"), site.path("op.jwt")).unwrap();
    site.text("jwt verify @op.jwt");
    fs::write(site.path("none"), "nothing").unwrap();
    assert!(site.fails("jwt decode @none").0.contains("has no JWT"));
    assert_eq!(site.json("jwt decode @app.jwt")["name"], "APP");
}
