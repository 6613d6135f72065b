//! Facts about the connection, the certificate, the server and the request.

use super::RequestBuilder;
use super::setters::setters;
use crate::names::{ClientKind, ConnectionType, Transport};

/// Facts about the connection.
impl RequestBuilder {
    setters! {
        /// Sets the address that the client connects from.
        client_host("10.0.0.1") => client.host: optional;
        request.client().host().as_deref(), Some("10.0.0.1");
        /// Sets the connection's id on its server.
        client_id(7) => client.id: value(u64);
        request.client().id(), 7;
        /// Sets the user as the server shows it.
        client_user("alice") => client.user: optional;
        request.client().user().as_deref(), Some("alice");
        /// Sets the connection name.
        client_name("billing") => client.name: optional;
        request.client().name().as_deref(), Some("billing");
        /// Sets the kind of the connection. Default: [`ClientKind::Client`].
        client_kind(ClientKind::Leafnode) => client.kind: value(ClientKind);
        request.client().kind(), Some(ClientKind::Leafnode);
        /// Sets the protocol. Default: [`Transport::Nats`].
        client_transport(Transport::Mqtt) => client.transport: value(Transport);
        request.client().transport(), Some(Transport::Mqtt);
        /// Sets the MQTT client id.
        client_mqtt_id("sensor7") => client.mqtt_id: optional;
        request.client().mqtt_id().as_deref(), Some("sensor7");
        /// Sets the language of the client library.
        client_lang("rust") => client.lang: optional;
        request.client().lang().as_deref(), Some("rust");
        /// Sets the version of the client library.
        client_version("0.51.0") => client.version: optional;
        request.client().version().as_deref(), Some("0.51.0");
        /// Adds tags of the user JWT.
        client_tags(["team:a"]) => client.tags: list;
        request.client().tags(), ["team:a"];
        /// Sets the `name` of the user JWT.
        client_name_tag("sentinel") => client.name_tag: optional;
        request.client().name_tag().as_deref(), Some("sentinel");
        /// Sets the connection type. Default: [`ConnectionType::Standard`].
        client_connection_type(ConnectionType::WebSocket) => client.connection_type: value(ConnectionType);
        request.client().connection_type(), Some(ConnectionType::WebSocket);
    }

    /// Sets the version and the cipher suite of TLS, without a client certificate.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().client_tls("1.3", "TLS_AES_128_GCM_SHA256").build();
    /// assert_eq!(request.client().tls_version().as_deref(), Some("1.3"));
    /// ```
    pub fn client_tls(mut self, version: impl Into<String>, cipher: impl Into<String>) -> Self {
        self.facts.client.tls_version = Some(version.into());
        self.facts.client.tls_cipher = Some(cipher.into());
        self
    }
}

/// Facts about the TLS certificate. All of them but the fingerprint mark it as verified.
impl RequestBuilder {
    setters! {
        /// Sets the SHA-256 digest of the certificate, in hexadecimal digits. Does not mark the
        /// certificate as verified.
        certificate_fingerprint("2bb8…") => certificate.fingerprint: optional;
        request.certificate().fingerprint().as_deref(), Some("2bb8…");
        /// Sets the subject of the certificate, and marks the certificate as verified.
        certificate_subject("CN=alice") => certificate.subject: verified;
        request.certificate().subject().as_deref(), Some("CN=alice");
        /// Sets the issuer of the certificate, and marks the certificate as verified.
        certificate_issuer("CN=ca") => certificate.issuer: verified;
        request.certificate().issuer().as_deref(), Some("CN=ca");
        /// Sets the serial number of the certificate, and marks the certificate as verified.
        certificate_serial("2a") => certificate.serial: verified;
        request.certificate().serial().as_deref(), Some("2a");
        /// Adds DNS names of the certificate, and marks the certificate as verified.
        certificate_dns_names(["a.example"]) => certificate.dns_names: verified_list;
        request.certificate().dns_names(), ["a.example"];
        /// Adds URIs of the certificate, and marks the certificate as verified.
        certificate_uri_names(["urn:a"]) => certificate.uri_names: verified_list;
        request.certificate().uri_names(), ["urn:a"];
        /// Adds e-mail addresses of the certificate, and marks the certificate as verified.
        certificate_email_names(["a@b.example"]) => certificate.email_names: verified_list;
        request.certificate().email_names(), ["a@b.example"];
        /// Adds IP addresses of the certificate, and marks the certificate as verified.
        certificate_ip_names(["10.0.0.1"]) => certificate.ip_names: verified_list;
        request.certificate().ip_names(), ["10.0.0.1"];
    }

    /// Sets the SPIFFE id of the certificate and adds it as a URI. Marks the certificate as
    /// verified.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().certificate_spiffe_id("spiffe://a/b").build();
    /// assert_eq!(request.certificate().uri_names(), ["spiffe://a/b"]);
    /// ```
    pub fn certificate_spiffe_id(mut self, value: impl Into<String>) -> Self {
        let id = value.into();
        self.facts.certificate.spiffe_id = Some(id.clone());
        self.certificate_uri_names([id])
    }

    /// Sets when the certificate begins and ceases to be valid, in seconds since the Unix epoch.
    /// Marks the certificate as verified.
    ///
    /// ```
    /// use portcullis_sdk::Request;
    ///
    /// let request = Request::builder().certificate_validity(1, 2).build();
    /// assert_eq!(request.certificate().not_after(), Some(2));
    /// ```
    pub fn certificate_validity(mut self, not_before: u64, not_after: u64) -> Self {
        self.facts.certificate.verified = true;
        self.facts.certificate.not_before = Some(not_before);
        self.facts.certificate.not_after = Some(not_after);
        self
    }
}

/// Facts about the server and the request.
impl RequestBuilder {
    setters! {
        /// Sets the server's public nkey.
        server_id("NAAA") => server.id: text;
        request.server().id(), "NAAA";
        /// Sets the server's name.
        server_name("east-1") => server.name: text;
        request.server().name(), "east-1";
        /// Sets the address that the server listens on.
        server_host("10.0.0.9") => server.host: text;
        request.server().host(), "10.0.0.9";
        /// Sets the server's version.
        server_version("2.15.1") => server.version: optional;
        request.server().version().as_deref(), Some("2.15.1");
        /// Sets the cluster that the server belongs to.
        server_cluster("east") => server.cluster: optional;
        request.server().cluster().as_deref(), Some("east");
        /// Adds tags of the server.
        server_tags(["region:eu"]) => server.tags: list;
        request.server().tags(), ["region:eu"];
        /// Sets when the host received the request, in seconds since the Unix epoch.
        now(1_800_000_000) => request.now: value(u64);
        request.now(), 1_800_000_000;
        /// Sets the public nkey that the server made for this login.
        user_nkey("UAAA") => request.user_nkey: text;
        request.user_nkey(), "UAAA";
    }
}
