//! A directory of policies, each another one.

use std::path::Path;

use anyhow::{Context, Result};
use portcullis_core::PolicyName;

/// The policy with this number. Their order is that of the numbers.
pub(crate) fn name(number: usize) -> Result<PolicyName> {
    Ok(format!("p{number:05}").parse()?)
}

/// The token that only this policy knows.
pub(crate) fn token(number: usize) -> String {
    format!("token {number}")
}

/// The issuer whose logins go to this policy.
pub(crate) fn issuer(number: usize) -> String {
    format!("https://login-{number:05}.example.com")
}

/// Writes so many policies. All decide as `module` does, in other bytes and with other settings.
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

/// Plain text, so that no slow hash is part of a decision.
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

/// The same module with a custom section that holds the number: other bytes, so another digest.
fn numbered(module: &[u8], number: usize) -> Result<Vec<u8>> {
    const NAME: &[u8; 4] = b"note";
    let number = u32::try_from(number)?.to_le_bytes();
    // The kind of section, its size, the size of its name.
    let mut numbered = [module, &[0, 9, 4], NAME].concat();
    numbered.extend(number);
    Ok(numbered)
}
