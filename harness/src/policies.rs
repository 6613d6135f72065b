//! The directory that the host watches.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wasm_encoder::{CodeSection, Encode as _, Instruction, Module, RawSection};
use wasmparser::{Parser, Payload};

/// The directory that the host watches. Files change atomically, as a careful operator changes
/// them.
#[derive(Clone, Debug)]
pub struct PolicyDirectory(PathBuf);

impl PolicyDirectory {
    /// Returns the directory at `path`, and creates it if it is missing.
    ///
    /// # Errors
    ///
    /// Fails if the directory cannot be created.
    pub fn create(path: PathBuf) -> Result<Self> {
        fs::create_dir_all(&path).with_context(|| format!("cannot create `{}`", path.display()))?;
        Ok(Self(path))
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes the module `NAME.wasm`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn put_module(&self, name: &str, module: &[u8]) -> Result<()> {
        self.put(&format!("{name}.wasm"), module)
    }

    /// Writes the settings `NAME.toml`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be written.
    pub fn put_settings(&self, name: &str, settings: &str) -> Result<()> {
        self.put(&format!("{name}.toml"), settings.as_bytes())
    }

    /// Writes a policy: its settings, then its module.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be written.
    pub fn put_policy(&self, name: &str, module: &[u8], settings: &str) -> Result<()> {
        self.put_settings(name, settings)?;
        self.put_module(name, module)
    }

    /// Removes a policy: its module, then its settings.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        for extension in ["wasm", "toml"] {
            let file = self.0.join(format!("{name}.{extension}"));
            match fs::remove_file(&file) {
                Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(cause.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes a file under a name that the host ignores, then renames it.
    fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let aside = self.0.join(format!(".{name}.partial"));
        let file = self.0.join(name);
        fs::write(&aside, bytes)
            .and_then(|()| fs::rename(&aside, &file))
            .with_context(|| format!("cannot write `{}`", file.display()))
    }
}

/// Returns the module with a custom section that holds `note`. The bytes and the digest differ; the
/// behaviour is equal.
pub fn wasm_with_note(module: &[u8], note: &str) -> Vec<u8> {
    const NAME: &[u8] = b"note";
    let mut section = unsigned_leb128(NAME.len());
    section.extend_from_slice(NAME);
    section.extend_from_slice(note.as_bytes());
    let mut changed = module.to_vec();
    changed.push(0);
    changed.extend(unsigned_leb128(section.len()));
    changed.extend(section);
    changed
}

/// Returns the module with `number` pushed and dropped at the beginning of every function. The
/// behaviour is equal, but no compiler has compiled these functions before.
///
/// # Errors
///
/// Fails if `module` is not a module.
pub fn wasm_with_new_code(module: &[u8], number: u32) -> Result<Vec<u8>> {
    let mut start = Vec::new();
    Instruction::I32Const(number.cast_signed()).encode(&mut start);
    Instruction::Drop.encode(&mut start);
    let (mut changed, mut code, mut left) = (Module::new(), CodeSection::new(), 0);
    for payload in Parser::new(0).parse_all(module) {
        let payload = payload?;
        if let Payload::CodeSectionStart { count, .. } = payload {
            left = count;
        } else if let Payload::CodeSectionEntry(body) = &payload {
            let locals = body.get_operators_reader()?.original_position() - body.range().start;
            let (locals, operators) = body
                .as_bytes()
                .split_at_checked(locals)
                .context("a function without code")?;
            code.raw(&[locals, &start, operators].concat());
            left -= 1;
            if left == 0 {
                changed.section(&code);
            }
        } else if let Some((id, range)) = payload.as_section() {
            let data = module.get(range).context("a section beyond the end")?;
            changed.section(&RawSection { id, data });
        }
    }
    Ok(changed.finish())
}

/// Encodes a number as WebAssembly and MQTT do (unsigned LEB128).
pub(crate) fn unsigned_leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_a_custom_section_at_the_end() {
        let empty = b"\0asm\x01\0\0\0";
        let changed = wasm_with_note(empty, "v2");
        assert_eq!(changed, b"\0asm\x01\0\0\0\x00\x07\x04notev2");
    }

    #[test]
    fn long_numbers_take_several_bytes() {
        assert_eq!(unsigned_leb128(127), [0x7f]);
        assert_eq!(unsigned_leb128(300), [0xac, 0x02]);
    }
}
