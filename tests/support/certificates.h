/* SPDX-License-Identifier: MIT
 *
 * Certificates for one test program, made by the openssl command in a temporary directory, which is removed at exit.
 * Everything that goes wrong prints what openssl said and ends the test program.
 */
#ifndef TEST_SUPPORT_CERTIFICATES_H
#define TEST_SUPPORT_CERTIFICATES_H

/* An authority of its own: NAME.pem and NAME.key. */
void test_authority(const char *name);

/*
 * A certificate that the authority has signed: NAME.pem and NAME.key. alt_names: what openssl takes for a
 * subjectAltName, such as "DNS:localhost,IP:127.0.0.1". days: for how long; less than 0: it has expired.
 */
void test_certificate(const char *name, const char *authority, const char *alt_names, int days);

/* An encrypted copy of NAME.key, as COPY.key. */
void test_encrypted_key(const char *name, const char *copy, const char *passphrase);

/* The path of a file of the directory, whether it exists or not: "server.pem". Valid until the program ends. */
const char *test_certificate_path(const char *file);

#endif
