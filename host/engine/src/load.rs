//! Reasons why a module is not put in service.

use std::error::Error;

use portcullis_core::{BucketName, PolicyName};

use crate::evaluation::EvaluationError;
use crate::limits::{Amount, Limit, Limits};
use crate::text::short_line;

/// A reason why a module is not put in service, on one line, for the operator. The caller adds the
/// file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is not WebAssembly.
    #[error("not a WebAssembly module: it does not start with `\\0asm`")]
    NotWasm,
    /// The WebAssembly is damaged or uses features that this host does not run.
    #[error("not a valid WebAssembly module, truncated perhaps: {0}")]
    Invalid(String),
    /// Component types are nested more deeply than the tools that read them can handle.
    #[error("its component types are nested more than {limit} deep, which no policy needs")]
    TooNested {
        /// Maximum depth.
        limit: usize,
    },
    /// A function would take the compiler too much memory.
    #[error(
        "one of its functions has {locals} locals and {blocks} branches, which takes more memory to compile than there may be: split it"
    )]
    TooComplex {
        /// Number of locals of the function.
        locals: u64,
        /// Number of blocks and branches of the function.
        blocks: u64,
    },
    /// The module has imports from outside the contract.
    #[error(
        "it imports `{0}`; a policy may import `portcullis:policy` only: \
         build for wasm32-unknown-unknown, without WASI"
    )]
    ForeignImports(String),
    /// The module has imports that wasm-bindgen generates for JavaScript.
    #[error(
        "it imports `{0}`, which JavaScript would have to provide: a dependency is built for browsers. Find it with `cargo tree \
         --target wasm32-unknown-unknown --invert wasm-bindgen`, and turn off the feature that asks for it (often `wasmbind` or `js`), as \
         with `chrono = {{ version = \"0.4\", default-features = false }}`. A policy has no network, clock or randomness: remove a \
         dependency that needs one"
    )]
    JavaScriptImports(String),
    /// The module has an import of the contract that needs a grant.
    #[error(
        "it imports `portcullis:policy/{interface}`, which needs `{setting}` under [policies.grants.{policy}] in portcullis.toml"
    )]
    MissingGrant {
        /// Name of the interface.
        interface: &'static str,
        /// Setting that grants the interface.
        setting: &'static str,
        /// The policy.
        policy: PolicyName,
    },
    /// The policy has a grant for a bucket that the host does not have.
    #[error(
        "it is granted the key-value bucket `{0}`, which this host does not mirror: add it to `buckets` under [key-value] in \
         portcullis.toml"
    )]
    UnknownBucket(BucketName),
    /// The module imports an interface of the contract that this host does not have.
    #[error(
        "it needs host interface `{0}`, which this host does not have: update the host, or build against its contract"
    )]
    UnknownInterface(String),
    /// The module imports a function that this host's version of the interface does not have.
    #[error(
        "it needs `{function}` of host interface `{interface}`, which this host does not have: update the host, or build against its \
         contract"
    )]
    UnknownFunction {
        /// Interface, with the version that the module was made for.
        interface: String,
        /// Function, with its name in components.
        function: String,
    },
    /// The module was made for an incompatible version of the contract.
    #[error(
        "it was made for `portcullis:policy@{made_for}`, and this host speaks {spoken} (up to {newest}): use a host for that version, or \
         build against {spoken}"
    )]
    OtherVersion {
        /// Version that the module was made for.
        made_for: String,
        /// Versions that this host supports, such as `0.1`.
        spoken: &'static str,
        /// Newest of these versions that the host knows, such as `0.1.0`.
        newest: &'static str,
    },
    /// The module was not built with the SDK.
    #[error(
        "it carries no component type: build it with portcullis-sdk, and end its source with `export!(TYPE);`"
    )]
    Untyped,
    /// The component is of another world.
    #[error("not a policy: {0}; a policy in Rust ends with `export!(TYPE);` of portcullis-sdk")]
    WrongWorld(String),
    /// The bytes cannot be converted to a component.
    #[error("cannot be made a component: {0}")]
    Componentize(String),
    /// The bytes cannot be compiled.
    #[error("cannot be compiled: {0}")]
    Compile(String),
    /// The component does not fit the host.
    #[error("cannot be instantiated: {0}")]
    Instantiate(String),
    /// The module exceeds its limits or traps during instantiation: in a start function, or by its
    /// declarations.
    #[error("cannot be instantiated: {0}")]
    Start(#[source] EvaluationError),
    /// The policy refuses its settings.
    #[error("settings refused: {0}")]
    Settings(String),
    /// `configure` failed.
    #[error("`configure` failed: {0}")]
    Configure(#[source] EvaluationError),
    /// The policy does not say what its settings are.
    #[error("`settings-schema` failed: {0}")]
    Description(#[source] EvaluationError),
    /// `configure` has to run before every decision and leaves no time for one.
    #[error(
        "`configure` ran longer than the {limit:?} of a decision, and it runs before every decision because its state cannot be kept \
         ({reason}): raise `deadline` under [limits], or build the policy so that its state can be kept"
    )]
    TooSlowToConfigure {
        /// Time limit of a decision.
        limit: std::time::Duration,
        /// Reason why the state cannot be kept.
        reason: String,
    },
    /// The configured state could not be kept.
    #[error("its configured state cannot be kept: {0}")]
    Snapshot(String),
    /// A limit is above the host's bound.
    #[error(
        "limit `{name}` is {asked}, the host's bound is {most}; lower it under [limits] in its settings file",
        name = asked.name, asked = asked.amount
    )]
    Limit {
        /// Requested limit.
        asked: Limit,
        /// Maximum amount.
        most: Amount,
    },
    /// This process rejects a policy that another process has loaded.
    #[error("the code of the process that loaded it is not taken: {0}")]
    NotTakenOver(String),
    /// The host panicked, and the panic was caught.
    #[error("the host failed while loading it; this is a defect, please report it with the module")]
    HostPanic,
}

impl LoadError {
    /// Returns whether the same bytes may load at another time, because the machine was busy or
    /// lacked a resource.
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
        Self::Invalid(short_line(&error.to_string()))
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
        Self::Compile(short_line(&format!("{error:#}")))
    }

    pub(crate) fn instantiate(error: &wasmtime::Error) -> Self {
        Self::Instantiate(short_line(&format!("{error:#}")))
    }

    /// Returns the error of a failed instantiation, which [`EvaluationError::of_start`] has
    /// classified.
    pub(crate) fn start(failure: EvaluationError) -> Self {
        match failure {
            EvaluationError::Host(message) => Self::Instantiate(message.to_string()),
            guest => Self::Start(guest),
        }
    }

    pub(crate) fn snapshot(error: &wasmtime::Error) -> Self {
        Self::Snapshot(short_line(&format!("{error:#}")))
    }
}

impl Limits {
    /// Refuses limits above [`Limits::MAX`].
    pub(crate) fn check(&self) -> Result<(), LoadError> {
        match self.beyond(&Self::MAX).next() {
            None => Ok(()),
            Some((asked, most)) => Err(LoadError::Limit { asked, most }),
        }
    }
}
