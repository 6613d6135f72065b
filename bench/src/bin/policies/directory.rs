//! A directory of different policies.

use std::path::Path;

use anyhow::{Context, Result};
use portcullis_core::PolicyName;

/// Returns the name of the policy with this number. The names sort by number.
pub(crate) fn name(number: usize) -> Result<PolicyName> {
    Ok(format!("p{number:05}").parse()?)
}

/// Returns the token that only this policy knows.
pub(crate) fn token(number: usize) -> String {
    format!("token {number}")
}

/// Returns the issuer whose logins this policy decides.
pub(crate) fn issuer(number: usize) -> String {
    format!("https://login-{number:05}.example.com")
}

/// Writes `policies` policies. All decide as `module` does, but their bytes and settings differ.
pub(crate) fn fill(directory: &Path, module: &[u8], policies: usize) -> Result<()> {
    let write = |file: String, bytes: &[u8]| {
        let file = directory.join(file);
        std::fs::write(&file, bytes).with_context(|| format!("`{}`", file.display()))
    };
    for number in 0..policies {
        let name = name(number)?;
        write(format!("{name}.toml"), settings(number).as_bytes())?;
        write(format!("{name}.wasm"), &numbered(module, number)?)?;
    }
    Ok(())
}

/// Returns settings with a plain-text token, so that no slow hash is part of a decision.
pub(crate) fn settings(number: usize) -> String {
    let token = token(number);
    format!(
        "[settings]\n\
         dangerous-plain-text-passwords = true\n\
         unknown-users = \"abstain\"\n\
         default-account = \"APP\"\n\
         [settings.profiles.sensor]\n\
         publish = {{ allow = [\"sensors.{number}.>\"] }}\n\
         [settings.users.sensor]\n\
         token = \"plain:{token}\"\n\
         profile = \"sensor\"\n"
    )
}

/// Returns the module with a custom section that holds the number: the bytes differ, so the digest
/// differs.
fn numbered(module: &[u8], number: usize) -> Result<Vec<u8>> {
    const NAME: &[u8; 4] = b"note";
    let number = u32::try_from(number)?.to_le_bytes();
    // The kind of section, its size, and the size of its name.
    let mut numbered = [module, &[0, 9, 4], NAME].concat();
    numbered.extend(number);
    Ok(numbered)
}
