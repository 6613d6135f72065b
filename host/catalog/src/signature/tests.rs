use super::*;

const MODULE: &[u8] = b"\0asm\x01\0\0\0";
const FILES: SignedFiles = SignedFiles {
    settings: None,
    tests: None,
    texts: None,
};

fn publisher(key: &KeyPair) -> Publisher {
    key.public_key().parse().unwrap()
}

#[test]
fn the_section_says_how_long_it_is() {
    let key = KeyPair::new_account();
    let signed = sign(MODULE, &key).unwrap();
    let section = &signed[MODULE.len()..];
    // The section's length is two bytes of LEB128, and counts the bytes after them.
    let length = usize::from(section[1] & 0x7f) | usize::from(section[2]) << 7;
    assert_eq!(length, section.len() - 3);
    assert_eq!(usize::from(section[3]), "portcullis:signature".len());
}

#[test]
fn a_signed_module_names_its_signer_and_is_signed_once() {
    let (first, second) = (KeyPair::new_account(), KeyPair::new_operator());
    let signed = sign(MODULE, &first).unwrap();
    assert_eq!(signer(&signed), Ok(Some(publisher(&first))));
    let again = sign(&signed, &second).unwrap();
    assert_eq!(signer(&again), Ok(Some(publisher(&second))));
    assert_eq!(again.len(), signed.len());
    assert_eq!(signer(MODULE), Ok(None));
}

#[test]
fn every_changed_byte_breaks_the_signature() {
    let key = KeyPair::new_account();
    let trusted = Allowed::only([publisher(&key)]).unwrap();
    let signed = sign(MODULE, &key).unwrap();
    assert_eq!(check(&signed, FILES, &trusted), Ok(()));
    for position in 0..signed.len() {
        let mut changed = signed.clone();
        changed[position] ^= 1;
        assert!(check(&changed, FILES, &trusted).is_err(), "byte {position}");
    }
    for length in 0..signed.len() {
        assert!(
            check(&signed[..length], FILES, &trusted).is_err(),
            "{length} bytes"
        );
    }
}

#[test]
fn only_trusted_publishers_count_once_there_are_any() {
    let (key, other) = (KeyPair::new_account(), KeyPair::new_account());
    let signed = sign(MODULE, &other).unwrap();
    assert_eq!(check(MODULE, FILES, &Allowed::Any), Ok(()));
    let trusted = Allowed::only([publisher(&key)]).unwrap();
    assert_eq!(
        check(MODULE, FILES, &trusted),
        Err(SignatureError::Unsigned)
    );
    let refused = check(&signed, FILES, &trusted);
    assert_eq!(refused, Err(SignatureError::Untrusted(publisher(&other))));
    let both = Allowed::only([publisher(&key), publisher(&other)]).unwrap();
    assert_eq!(check(&signed, FILES, &both), Ok(()));
}

#[test]
fn a_signature_of_something_else_does_not_fit() {
    let key = KeyPair::new_account();
    let bare = key.sign(&Sha256::digest(MODULE)).unwrap();
    let forged = [MODULE, HEAD, key.public_key().as_bytes(), &bare].concat();
    assert_eq!(
        signer(&forged),
        Err(SignatureError::Broken(publisher(&key)))
    );
}

#[test]
fn a_statement_is_signed_with_the_module() {
    let key = KeyPair::new_account();
    let digest = |byte| Some(Digest::from_bytes([byte; 32]));
    let files = SignedFiles {
        settings: digest(1),
        tests: None,
        texts: None,
    };
    let statement = Statement {
        number: 7,
        files: Some(files),
    };
    let signed = sign_stating(MODULE, &key, statement).unwrap();
    let section = &signed[MODULE.len()..];
    let length = usize::from(section[1] & 0x7f) | usize::from(section[2]) << 7;
    assert_eq!(length, section.len() - 3);
    assert_eq!(signature(&signed).unwrap().unwrap().statement, statement);
    let trusted = Allowed::only([publisher(&key)]).unwrap();
    assert_eq!(check(&signed, files, &trusted), Ok(()));
    let other = SignedFiles {
        settings: digest(2),
        ..files
    };
    let more = SignedFiles {
        tests: digest(3),
        ..files
    };
    for (changed, file) in [(other, "settings"), (FILES, "settings"), (more, "tests")] {
        let publisher = publisher(&key);
        let refused = Err(SignatureError::Changed { publisher, file });
        assert_eq!(check(&signed, changed, &trusted), refused);
    }
    // The signature covers the number.
    let mut forged = signed.clone();
    let number = MODULE.len() + HEAD_OF_STATEMENT.len() + KEY + 7;
    forged[number] += 1;
    let broken = Err(SignatureError::Broken(publisher(&key)));
    assert_eq!(signature(&forged).map(drop), broken);
    // A new signature replaces an earlier one of either form.
    assert_eq!(sign(&signed, &key).unwrap(), sign(MODULE, &key).unwrap());
    assert_eq!(
        sign_stating(&sign(MODULE, &key).unwrap(), &key, statement).unwrap(),
        signed
    );
}

#[test]
fn a_statement_about_texts_has_a_form_of_its_own() {
    let key = KeyPair::new_account();
    let digest = |byte| Some(Digest::from_bytes([byte; 32]));
    let files = SignedFiles {
        texts: digest(1),
        ..FILES
    };
    let statement = Statement {
        number: 0,
        files: Some(files),
    };
    let signed = sign_stating(MODULE, &key, statement).unwrap();
    let section = &signed[MODULE.len()..];
    let length = usize::from(section[1] & 0x7f) | usize::from(section[2]) << 7;
    assert_eq!(length, section.len() - 3);
    assert_eq!(signature(&signed).unwrap().unwrap().statement, statement);
    let trusted = Allowed::only([publisher(&key)]).unwrap();
    assert_eq!(check(&signed, files, &trusted), Ok(()));
    let other = SignedFiles {
        texts: digest(2),
        ..FILES
    };
    let refused = |file| {
        let publisher = publisher(&key);
        Err(SignatureError::Changed { publisher, file })
    };
    for changed in [other, FILES] {
        assert_eq!(check(&signed, changed, &trusted), refused("policy texts"));
    }
    // A signature that covers files without texts states that no text exists.
    let without = Statement {
        number: 0,
        files: Some(FILES),
    };
    let signed = sign_stating(MODULE, &key, without).unwrap();
    assert_eq!(check(&signed, other, &trusted), refused("policy texts"));
    // The digest is part of the signed text.
    let mut forged = sign_stating(MODULE, &key, statement).unwrap();
    let texts = MODULE.len() + HEAD_WITH_TEXTS.len() + KEY + STATEMENT;
    forged[texts] ^= 1;
    let broken = Err(SignatureError::Broken(publisher(&key)));
    assert_eq!(signature(&forged).map(drop), broken);
}

#[test]
fn only_public_nkeys_are_publishers() {
    let key = KeyPair::new_account();
    assert!(key.public_key().parse::<Publisher>().is_ok());
    let seed = key.seed().unwrap();
    let cut = key.public_key().split_off(1);
    for text in ["", "ABC", &seed, &cut] {
        assert_eq!(text.parse::<Publisher>(), Err(InvalidPublisher), "{text}");
    }
}
