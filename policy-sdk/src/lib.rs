//! Write a Portcullis policy: one type, one trait, one macro line
