//! Why a module is not put in service.

use std::error::Error;

use portcullis_core::BucketName;

use crate::evaluation::EvaluationError;
use crate::limits::{Amount, Limit};

/// Why a module is not put in service. One line each, for the operator; the caller adds the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A file without content.
    #[error("the file is empty")]
    Empty,
    /// Some other kind of file.
    #[error("not a WebAssembly module: it does not start with `\\0asm`")]
    NotWasm,
    /// WebAssembly, but damaged or using what this host does not run.
    #[error("not a valid WebAssembly module, truncated perhaps: {0}")]
    Invalid(String),
    /// Types inside types, deeper than the tools that read them can take.
    #[error("its component types are nested more than {limit} deep, which no policy needs")]
    TooNested {
        /// The deepest.
        limit: usize,
    },
    /// A function that takes the compiler more memory than it is worth.
    #[error(
        "one of its functions has {locals} locals and {blocks} branches, which takes more memory to compile than there may be: split it"
    )]
    TooComplex {
        /// Locals of the function.
        locals: u64,
        /// Its blocks and branches.
        blocks: u64,
    },
    /// Imports from outside the contract.
    #[error(
        "it imports `{0}`; a policy may import `portcullis:policy` only: \
         build for wasm32-unknown-unknown, without WASI"
    )]
    ForeignImports(String),
    /// Imports of what wasm-bindgen makes for JavaScript.
    #[error(
        "it imports `{0}`, which JavaScript would have to provide: a dependency is built for browsers. Find it with `cargo tree \
         --target wasm32-unknown-unknown --invert wasm-bindgen`, and turn off the feature that asks for it (often `wasmbind` or `js`), as \
         with `chrono = {{ version = \"0.4\", default-features = false }}`"
    )]
    JavaScriptImports(String),
    /// An import of the contract that needs a grant.
    #[error(
        "it imports `portcullis:policy/{interface}`, which needs `{setting}` under [policies.grants.NAME] in portcullis.toml"
    )]
    MissingGrant {
        /// The interface.
        interface: &'static str,
        /// The line that grants it.
        setting: &'static str,
    },
    /// A bucket is granted that the host does not have.
    #[error(
        "it is granted the key-value bucket `{0}`, which this host does not mirror: add it to `buckets` under [key-value] in \
         portcullis.toml"
    )]
    UnknownBucket(BucketName),
    /// An interface of the contract that this host does not have.
    #[error(
        "it needs host interface `{0}`, which this host does not have: update the host, or build against its contract"
    )]
    UnknownInterface(String),
    /// A function that this host's version of an interface does not have.
    #[error(
        "it needs `{function}` of host interface `{interface}`, which this host does not have: update the host, or build against its \
         contract"
    )]
    UnknownFunction {
        /// The interface, with the version the module was made for.
        interface: String,
        /// The function, as components name it.
        function: String,
    },
    /// Another version of the contract.
    #[error(
        "it was made for `portcullis:policy@{made_for}`, and this host speaks {spoken} (up to {newest}): use a host for that version, or \
         build against {spoken}"
    )]
    OtherVersion {
        /// The version the module was made for.
        made_for: String,
        /// The versions this host speaks, such as `0.1`.
        spoken: &'static str,
        /// The newest among them that it knows, such as `0.1.0`.
        newest: &'static str,
    },
    /// A module that was not built with the SDK.
    #[error("it carries no component type: build it with portcullis-sdk and its `export!` line")]
    Untyped,
    /// A component of another world.
    #[error("not a policy: {0}")]
    WrongWorld(String),
    /// Bytes that could not be made a component.
    #[error("cannot be made a component: {0}")]
    Componentize(String),
    /// Bytes that could not be compiled.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// A component that does not fit the host.
    #[error("cannot be instantiated: {0}")]
    Instantiate(String),
    /// The module does what it may not before it is asked anything: in a start function, or by what it declares.
    #[error("cannot be instantiated: {0}")]
    Start(#[source] EvaluationError),
    /// The policy refuses its settings.
    #[error("settings refused: {0}")]
    Settings(String),
    /// `configure` failed.
    #[error("`configure` failed: {0}")]
    Configure(#[source] EvaluationError),
    /// `configure` has to run before every decision and leaves no time for one.
    #[error(
        "`configure` ran longer than the {limit:?} of a decision, and it runs before every decision because its state cannot be kept \
         ({reason}): raise `deadline` under [limits], or build the policy so that its state can be kept"
    )]
    TooSlowToConfigure {
        /// The deadline of a decision.
        limit: std::time::Duration,
        /// Why the state cannot be kept.
        reason: String,
    },
    /// The configured state could not be kept.
    #[error("its configured state cannot be kept: {0}")]
    Snapshot(String),
    /// A limit that no policy can be given.
    #[error(
        "limit `{name}` is {asked}, the host's bound is {most}; lower it under [limits] in its settings file",
        name = asked.name, asked = asked.amount
    )]
    Limit {
        /// What is asked for.
        asked: Limit,
        /// The most there is.
        most: Amount,
    },
    /// A policy that another process has loaded and that this one does not take.
    #[error("the code of the process that loaded it is not taken: {0}")]
    NotTakenOver(String),
    /// A fault of the host, caught.
    #[error("the host failed while loading it; this is a defect, please report it with the module")]
    HostPanic,
}

impl LoadError {
    /// Whether the same bytes may do better another time: the machine was busy or short of something.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Start(EvaluationError::Deadline(_))
                | Self::Configure(EvaluationError::Deadline(_))
                | Self::TooSlowToConfigure { .. }
                | Self::Instantiate(_)
                | Self::HostPanic
        )
    }

    pub(crate) fn invalid(error: impl Error) -> Self {
        Self::Invalid(one_line(&error.to_string()))
    }

    pub(crate) fn foreign_imports(names: &[String]) -> Self {
        const SHOWN: usize = 5;
        let is_for_javascript = |name: &&String| name.starts_with("__wbindgen");
        if let Some(name) = names.iter().find(is_for_javascript) {
            return Self::JavaScriptImports(name.clone());
        }
        let mut list = names
            .iter()
            .take(SHOWN)
            .cloned()
            .collect::<Vec<_>>()
            .join("`, `");
        if names.len() > SHOWN {
            list.push_str("`, `…");
        }
        Self::ForeignImports(list)
    }

    pub(crate) fn compile(error: &wasmtime::Error) -> Self {
        Self::Compile(one_line(&format!("{error:#}")))
    }

    pub(crate) fn instantiate(error: &wasmtime::Error) -> Self {
        Self::Instantiate(one_line(&format!("{error:#}")))
    }

    /// A failed instantiation, and what [`EvaluationError::of_start`] makes of it.
    pub(crate) fn start(failure: EvaluationError) -> Self {
        match failure {
            EvaluationError::Host(problem) => Self::Instantiate(problem),
            guest => Self::Start(guest),
        }
    }

    pub(crate) fn snapshot(error: &wasmtime::Error) -> Self {
        Self::Snapshot(one_line(&format!("{error:#}")))
    }
}

/// Joins the lines of a message that came from elsewhere.
pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
