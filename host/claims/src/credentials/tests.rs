use data_encoding::BASE64_MIME;
use proptest::prelude::*;
use regex::Regex;
use rstest::rstest;

use super::*;
use crate::keys::{IssuerKey, SigningKey};

/// Credentials file written by the Go library.
const GO: &str = include_str!("../../tests/fixtures/keys/user.creds");
/// Sample of the NATS documentation: a JWT of version 1.
const OMEGA: &str = include_str!("../../tests/fixtures/keys/omega.creds");
const OMEGA_KEY: &str = "UDXB2VMLXPASAJ7ZDTKYNQ7QOCFWSGB4FOMYQQ25HQWSAF7ZQJEBSQSW";

fn line_of(text: &str, start: &str) -> String {
    let mut lines = text.lines().filter(|line| line.starts_with(start));
    lines.next().unwrap().to_owned()
}

fn jwt() -> String {
    line_of(GO, "eyJ")
}

fn seed() -> String {
    line_of(GO, "SU")
}

fn public_key() -> String {
    UserKey::from_seed(&seed()).unwrap().public_key().to_owned()
}

/// Returns the user of the credentials, or the whole message of the error.
fn read(text: &str) -> Result<String, String> {
    summary(UserCredentials::parse(text))
}

fn summary(parsed: Result<UserCredentials, CredentialsError>) -> Result<String, String> {
    match parsed {
        Ok(credentials) => {
            assert_eq!(credentials.jwt().matches('.').count(), 2);
            Ok(credentials.key().public_key().to_owned())
        }
        Err(error) => {
            use std::error::Error as _;
            let cause = error.source().map(|cause| format!(": {cause}"));
            let message = format!("{error}{}", cause.unwrap_or_default());
            assert!(!message.contains(&seed()) && !message.contains(&jwt()));
            Err(message)
        }
    }
}

/// Returns the parts as a file with these marks.
fn file(begin: (&str, &str), end: (&str, &str), line_end: &str) -> String {
    let (jwt, seed) = (jwt(), seed());
    let block = |label: &str, content: &str| {
        let (begin, end) = (
            format!("{}BEGIN {label}{}", begin.0, begin.1),
            format!("{}END {label}{}", end.0, end.1),
        );
        [begin.as_str(), content, end.as_str(), ""].join(line_end)
    };
    format!(
        "{}{line_end}{}",
        block("NATS USER JWT", &jwt),
        block("USER NKEY SEED", &seed)
    )
}

/// Returns the text in lines of 64 characters.
fn wrapped(text: &str) -> String {
    let lines = text.as_bytes().chunks(64);
    let lines: Vec<&str> = lines.map(|line| str::from_utf8(line).unwrap()).collect();
    lines.join("\n")
}

#[test]
fn what_go_writes_is_read_and_written_byte_for_byte() {
    let credentials = UserCredentials::parse(GO).unwrap();
    assert_eq!(credentials.jwt(), jwt());
    assert_eq!(credentials.key().seed(), seed());
    assert_eq!(credentials.expires_at(), None);
    assert_eq!(credentials.to_text().expose(), GO);
}

#[test]
fn a_jwt_of_version_one_is_verified_by_its_own_rule() {
    let credentials = UserCredentials::parse(OMEGA).unwrap();
    assert_eq!(credentials.key().public_key(), OMEGA_KEY);
    assert_eq!(credentials.to_text().expose(), OMEGA);
    let spoiled = OMEGA.replace("6TQ2ilCD", "6TQ2ilCE");
    let expected = "the JWT in the credentials is not usable: \
                    the token's signature does not match its issuer";
    assert_eq!(read(&spoiled), Err(expected.to_owned()));
}

#[rstest]
#[case::without_a_last_line_end(GO.trim_end().to_owned())]
#[case::cut_behind_the_last_mark(GO.rsplit_once("\n\n****").unwrap().0.to_owned())]
#[case::broken_copy_first(format!("{}{GO}", GO.replace(&jwt(), jwt().split_at(200).0)))]
#[case::cut_before_the_last_mark(GO.split("\n------END USER").next().unwrap().to_owned())]
#[case::crlf(GO.replace('\n', "\r\n"))]
#[case::crlf_without_a_last_line_end(GO.trim_end().replace('\n', "\r\n"))]
#[case::old_mac(GO.replace('\n', "\r"))]
#[case::byte_order_mark(format!("\u{feff}{GO}"))]
#[case::blank_lines_inside(GO.replace("\n-", "\n\n-").replace("-\n", "-\n\n"))]
#[case::no_blank_lines(GO.replace("\n\n", "\n"))]
#[case::trailing_blanks(GO.replace('\n', " \t\n"))]
#[case::indented(GO.replace('\n', "\n    "))]
#[case::five_dashes(GO.replace("------", "-----"))]
#[case::symmetric(file(("-----", "-----"), ("-----", "-----"), "\n"))]
#[case::three_dashes(file(("---", "---"), ("---", "---"), "\r\n"))]
#[case::spaced_dashes(file(("--- ", " ---"), ("--- ", " ---"), "\n"))]
#[case::other_labels(GO.replace("NATS USER JWT", "X").replace("USER NKEY SEED", "Y"))]
#[case::no_labels(format!("------\n{}\n------\n------\n{}\n------", jwt(), seed()))]
#[case::preamble(format!("made for the\ncallout by ops\n\n{GO}"))]
#[case::preamble_with_dashes(format!("----- for production -----\n{GO}"))]
#[case::postscript(format!("{GO}\nkeep this file safe\n"))]
#[case::first_end_missing(GO.replace("------END NATS USER JWT------\n", ""))]
#[case::all_marks_missing(format!("{}\n{}\n", jwt(), seed()))]
#[case::seed_first(format!("{}\n{}\n", seed(), jwt()))]
#[case::wrapped(GO.replace(&jwt(), &wrapped(&jwt())))]
#[case::base64(data_encoding::BASE64.encode(GO.as_bytes()))]
#[case::base64_with_line_end(format!("{}\n", data_encoding::BASE64.encode(GO.as_bytes())))]
#[case::base64_wrapped(BASE64_MIME.encode(GO.as_bytes()))]
#[case::base64_without_padding(BASE64_NOPAD.encode(format!("{GO}\n").as_bytes()))]
#[case::base64_for_urls(BASE64URL.encode(GO.as_bytes()))]
#[case::base64_of_crlf(BASE64URL_NOPAD.encode(GO.replace('\n', "\r\n").as_bytes()))]
fn every_variant_is_read(#[case] text: String) {
    assert_eq!(read(&text), Ok(public_key()), "{text}");
    let written = UserCredentials::parse(&text).unwrap().to_text();
    assert_eq!(written.expose(), GO);
}

#[rstest]
#[case::alone(jwt(), seed())]
#[case::with_line_ends(format!("{}\r\n", jwt()), format!("\u{feff}{}\n", seed()))]
#[case::commented(jwt(), format!("# the service\n{}\n", seed()))]
#[case::decorated(GO.split("\n\n").next().unwrap().to_owned(), GO.split("\n\n").nth(2).unwrap().to_owned())]
#[case::two_whole_files(GO.to_owned(), GO.to_owned())]
#[case::seed_elsewhere(GO.replace(&seed(), ""), seed())]
fn the_parts_may_stand_in_two_files(#[case] jwt_text: String, #[case] seed_text: String) {
    let parsed = UserCredentials::parse_pair(&jwt_text, &seed_text);
    assert_eq!(summary(parsed), Ok(public_key()));
}

#[rstest]
#[case::nothing("", "neither")]
#[case::prose("these are not\nthe credentials you look for", "neither")]
#[case::base64_of_prose("dGhlc2UgYXJlIG5vdA==", "neither")]
#[case::base64_of_bytes("////", "neither")]
#[case::empty_blocks(
    "-----BEGIN NATS USER JWT-----\n------END NATS USER JWT------\n",
    "neither"
)]
#[case::jwt_only(&jwt(), "seed")]
#[case::jwt_block_only(GO.split("\n\n").next().unwrap(), "seed")]
#[case::seed_lost(&GO.replace(&seed(), ""), "seed")]
#[case::seed_only(&seed(), "jwt")]
#[case::seed_block_only(GO.split("\n\n").nth(2).unwrap(), "jwt")]
#[case::jwt_lost(&GO.replace(&jwt(), ""), "jwt")]
fn the_missing_part_is_named(#[case] text: &str, #[case] missing: &str) {
    let expected = match missing {
        "neither" => CredentialsError::Unrecognized,
        "seed" => CredentialsError::MissingSeed,
        _ => CredentialsError::MissingJwt,
    };
    assert_eq!(UserCredentials::parse(text).unwrap_err(), expected);
}

#[test]
fn parts_that_are_not_usable_are_named() {
    let account = SigningKey::generate_seed(KeyKind::Account).unwrap();
    let cut = GO.replace(&seed(), seed().split_at(57).0);
    let cases = [
        (
            GO.replace(&seed(), account.expose()),
            "the seed in the credentials is not usable: \
             expected a user seed (SU…), found an account seed (SA…)",
        ),
        (
            cut,
            "the seed in the credentials is not usable: \
             expected a user seed (SU…), found a seed that is damaged: it does not have 58 characters",
        ),
        (
            GO.replace(
                &jwt(),
                include_str!("../../tests/fixtures/response-error.jwt").trim(),
            ),
            "the JWT in the credentials is not usable: the token is not of the type `user`",
        ),
        (
            GO.replace(&jwt(), "eyJ.e30.e30"),
            "the JWT in the credentials is not usable: \
             the token's header is not base64url without padding",
        ),
        (
            " ".repeat(MAX_CREDENTIALS_SIZE + 1),
            "the credentials are larger than 2097152 bytes",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read(&text), Err(expected.to_owned()));
    }
}

#[test]
fn parts_of_two_users_are_told_by_their_public_keys() {
    let other = UserKey::generate_seed().unwrap();
    let other_key = UserKey::from_seed(other.expose()).unwrap();
    let expected = format!(
        "the seed belongs to `{}`, the JWT to `{}`; take both from the same user",
        other_key.public_key(),
        public_key()
    );
    assert_eq!(read(&GO.replace(&seed(), other.expose())), Err(expected));
}

#[test]
fn the_jwt_has_to_be_about_a_user() {
    for subject in [
        None,
        Some("APP".to_owned()),
        Some(issuer().public_key().to_owned()),
    ] {
        let token = user_jwt(&issuer(), subject, None);
        let expected = CredentialsError::Subject(InvalidPublicKey);
        let parsed = UserCredentials::parse_pair(&token, &seed());
        assert_eq!(parsed.unwrap_err(), expected);
    }
}

#[test]
fn debug_shows_the_public_key_only() {
    let credentials = UserCredentials::parse(GO).unwrap();
    let expected = format!("UserCredentials({})", public_key());
    assert_eq!(format!("{credentials:?}"), expected);
}

#[test]
fn the_times_are_told() {
    let subject = Some(public_key());
    let token = user_jwt(&issuer(), subject, Some(1_800_000_000));
    let credentials = UserCredentials::parse_pair(&token, &seed()).unwrap();
    assert_eq!(credentials.expires_at(), Some(1_800_000_000));
    assert_eq!(credentials.issued_at(), None);
    let claims = Claims {
        subject: Some(public_key()),
        issued_at: Some(1_700_000_000),
        nats: any_user(),
        ..Claims::default()
    };
    let token = claims.sign(&issuer()).unwrap();
    let credentials = UserCredentials::parse_pair(&token, &seed()).unwrap();
    assert_eq!(credentials.issued_at(), Some(1_700_000_000));
    assert_eq!(credentials.expires_at(), None);
}

fn issuer() -> IssuerKey {
    IssuerKey::from_seed(IssuerKey::generate_seed().unwrap().expose()).unwrap()
}

fn any_user() -> AnyUser {
    AnyUser {
        kind: Some("user".to_owned()),
        version: Some(2),
    }
}

fn user_jwt(issuer: &IssuerKey, subject: Option<String>, expires_at: Option<u64>) -> String {
    let claims = Claims {
        subject,
        expires_at,
        nats: any_user(),
        ..Claims::default()
    };
    claims.sign(issuer).unwrap()
}

/// Patterns with which the Go library, nats.py, nats.js and async-nats find the parts.
const CLIENTS: [&str; 2] = [
    r"\s*(?:(?:[-]{3,}.*[-]{3,}\r?\n)([\w\-.=]+)(?:\r?\n[-]{3,}.*[-]{3,}\r?\n))",
    r"\s*(?:(?:[-]{3,}.*[-]{3,}\r?\n)([\w\-.=]+)(?:\r?\n[-]{3,}.*[-]{3,}(\r?\n|\z)))",
];

/// Returns the first two contents that a client's pattern finds.
fn as_client(pattern: &str, text: &str) -> Option<(String, String)> {
    let pattern = Regex::new(pattern).unwrap();
    let mut contents = pattern.captures_iter(text).map(|found| found[1].to_owned());
    contents.next().zip(contents.next())
}

/// Generates pieces of credentials files, valid and invalid.
fn pieces() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "-----BEGIN NATS USER JWT-----".to_owned(),
        "------END NATS USER JWT------".to_owned(),
        "-----BEGIN USER NKEY SEED-----".to_owned(),
        "------END USER NKEY SEED------".to_owned(),
        "---x---".to_owned(),
        "*** IMPORTANT ***".to_owned(),
        "\n".to_owned(),
        "\n".to_owned(),
        "\n".to_owned(),
        "\r\n".to_owned(),
        " ".to_owned(),
        jwt(),
        seed(),
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_a_client_reads_is_read_the_same(
        parts in prop::collection::vec(pieces(), 0..24), before: bool, line_end: bool,
    ) {
        // Half of the files are valid ones with text around them, because random pieces rarely form
        // one.
        let mut text = parts.concat();
        if before {
            text = format!("{text}\n{GO}");
        }
        if line_end {
            text.push('\n');
        }
        for client in CLIENTS {
            if let Some((jwt_found, seed_found)) = as_client(client, &text)
                && jwt_found == jwt()
                && seed_found == seed()
            {
                prop_assert_eq!(read(&text), Ok(public_key()));
            }
        }
    }

    #[test]
    fn what_is_written_is_read_by_us_and_by_every_client(
        bytes: [u8; 32], expires_at: Option<u64>, name in ".{0,40}",
    ) {
        let user = nkeys::KeyPair::new_from_raw(nkeys::KeyPairType::User, bytes).unwrap();
        let issuer = issuer();
        let claims = Claims {
            subject: Some(user.public_key()),
            name: Some(name),
            expires_at,
            nats: any_user(),
            ..Claims::default()
        };
        let token = claims.sign(&issuer).unwrap();
        let seed = user.seed().unwrap();
        let credentials = UserCredentials::parse_pair(&token, &seed).unwrap();
        let text = credentials.to_text();
        for client in CLIENTS {
            prop_assert_eq!(as_client(client, text.expose()), Some((token.clone(), seed.clone())));
        }
        let read = UserCredentials::parse(text.expose()).unwrap();
        prop_assert_eq!(read.jwt(), &token);
        prop_assert_eq!(read.key().seed(), &seed);
        prop_assert_eq!(read.to_text(), text);
    }

    #[test]
    fn no_text_is_too_strange(text: String) {
        prop_assert!(UserCredentials::parse(&text).is_err());
    }
}
