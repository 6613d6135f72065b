//! Keys whose seeds are public.

/// Public keys whose seeds are in public documentation and sample code, in this order:
///
/// - the issuer and the xkey of the auth-callout examples on natsbyexample.com;
/// - the account of the sample configuration of `planmdk/nats-auth-callout`;
/// - the user of the NATS documentation's sample credentials file.
const SAMPLES: [&str; 4] = [
    "ABJHLOVMPA4CI6R5KLNGOB4GSLNIY7IOUPAJC4YFNDLQVIOBYQGUWVLA",
    "XAB3NANV3M6N7AHSQP2U5FRWKKUT7EG2ZXXABV4XVXYQRJGM4S2CZGHT",
    "AAKAXGEL7OBR5OLFRCQWBIHDCL2OJPBGALVRZ6Z2ZXNQNYCGQMTYIJUN",
    "UDXB2VMLXPASAJ7ZDTKYNQ7QOCFWSGB4FOMYQQ25HQWSAF7ZQJEBSQSW",
];

/// Returns whether the seed of this public key is published, so that anyone can sign with it.
pub fn is_public_sample(public_key: &str) -> bool {
    SAMPLES.contains(&public_key)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::keys::{CurveKey, IssuerKey, UserKey};

    #[rstest]
    #[case("SAANDLKMXL6CUS3CP52WIXBEDN6YJ545GDKC65U5JZPPV6WH6ESWUA6YAI")]
    #[case("SAADJKWBAMBDK4XBVOV7LACPRVAN42775VSEVA2FEEF4QWAWPBYQHH44M4")]
    fn sample_issuers_are_known(#[case] seed: &str) {
        assert!(is_public_sample(
            IssuerKey::from_seed(seed).unwrap().public_key()
        ));
    }

    #[test]
    fn the_sample_xkey_and_the_sample_user_are_known() {
        let seed = "SXAAXMRAEP6JWWHNB6IKFL554IE6LZVT6EY5MBRICPILTLOPHAG73I3YX4";
        assert!(is_public_sample(
            CurveKey::from_seed(seed).unwrap().public_key()
        ));
        let seed = "SUAOY5JZ2WJKVR4UO2KJ2P3SW6FZFNWEOIMAXF4WZEUNVQXXUOKGM55CYE";
        assert!(is_public_sample(
            UserKey::from_seed(seed).unwrap().public_key()
        ));
    }

    #[test]
    fn other_keys_are_not() {
        let seed = IssuerKey::generate_seed().unwrap();
        assert!(!is_public_sample(
            IssuerKey::from_seed(seed.expose()).unwrap().public_key()
        ));
        assert!(!is_public_sample(""));
    }
}
