//! Users, password hashes, accounts and permission profiles, all from the policy's settings
