import { plainTlsWords, tlsFaultOf } from '../../src/domain/tls-faults.js';

const fault = (code: string, message = 'words') => tlsFaultOf(Object.assign(new Error(message), { code }));

test.each([
  ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
  ['ERR_TLS_CERT_ALTNAME_INVALID', 'wrong_name'],
  ['CERT_HAS_EXPIRED', 'out_of_date'],
  ['ERR_SSL_WRONG_VERSION_NUMBER', 'no_tls'],
  ['ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE', 'client_certificate'],
  ['ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN', 'client_certificate'],
  ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', 'client_certificate'],
  ['ERR_SSL_TLSV1_ALERT_UNKNOWN_CA', 'client_certificate'],
  ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', null],
  ['ECONNREFUSED', null],
])('the code %s is %s', (code, expected) => {
  expect(fault(code)).toBe(expected);
});

test('where node says EPROTO only, the words of OpenSSL decide', () => {
  const line = '80CC:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record.c:350:\n';
  expect(fault('EPROTO', `write EPROTO ${line}`)).toBe('no_tls');
  expect(fault('EPROTO', 'sslv3 alert bad certificate')).toBe('client_certificate');
  expect(fault('EPROTO')).toBeNull();
  expect(plainTlsWords(`write EPROTO ${line}`)).toBe('wrong version number');
  expect(plainTlsWords('socket hang up')).toBe('socket hang up');
});

test('what is no error of a connection is no fault of TLS', () => {
  expect([null, 'CERT_HAS_EXPIRED', new Error('CERT_HAS_EXPIRED')].map(tlsFaultOf)).toEqual([null, null, null]);
});
