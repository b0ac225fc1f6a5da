# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The same small page behind what else guards pages in httpd, and npm's get-session, which an application would ask.

use strict;
use warnings;
use Bench;
use MIME::Base64 qw(encode_base64);

database();
my $hash = do { my ($line) = split /\n/, qx(openssl passwd -apr1 -salt benchben '$PASSWORD'); $line };
$mariadb->sql(<<"SQL", 'bench');
CREATE TABLE people (name varchar(64) PRIMARY KEY, hash varchar(128) NOT NULL);
INSERT INTO people VALUES ('ada', '$hash');
CREATE TABLE sessions (`key` varchar(64) PRIMARY KEY, value varchar(255), expiry bigint);
SQL
httpd('httpd', sites => { cache => '', database => 'BetterAuthSessionCache off' });

my $dbd = 'DBDriver mysql' . "\n" . 'DBDParams "' . $mariadb->dbd_params_socket('bench') . '"';
my $form = sub {
    my ($store) = @_;
    return <<"CONF" };
<Location "/sign-in">
    SetHandler form-login-handler
    AuthType form
    AuthName Members
    AuthFormProvider file
    AuthUserFile "$work/people"
    AuthFormLoginSuccessLocation /open/page.html
    Require all granted
    Session On
    $store
</Location>
<Directory "$work/peers/htdocs/members">
    AuthType form
    AuthName Members
    AuthFormProvider file
    AuthUserFile "$work/people"
    Session On
    $store
    Require valid-user
</Directory>
CONF
write_file("$work/people", "ada:$hash\n");
httpd('peers', bare => 1, more => join("\n", map { my ($m, $f) = split / /; qq{LoadModule ${m}_module "$Bench::MODULES/mod_$f.so"} }
    'session session', 'session_cookie session_cookie', 'session_dbd session_dbd', 'session_crypto session_crypto',
    'auth_form auth_form', 'request request', 'auth_basic auth_basic', 'authn_file authn_file', 'authn_dbd authn_dbd',
    'authn_socache authn_socache') . <<"CONF", sites => {

$dbd
DBDPrepareSQL "DELETE FROM sessions WHERE `key` = %s" deletesession
DBDPrepareSQL "UPDATE sessions SET value = %s, expiry = %lld, `key` = %s WHERE `key` = %s" updatesession
DBDPrepareSQL "INSERT INTO sessions (value, expiry, `key`) VALUES (%s, %lld, %s)" insertsession
DBDPrepareSQL "SELECT value FROM sessions WHERE `key` = %s AND (expiry = 0 OR expiry > %lld)" selectsession
DBDPrepareSQL "DELETE FROM sessions WHERE expiry != 0 AND expiry < %lld" cleansession
AuthnCacheEnable
AuthnCacheSOCache shmcb
CONF
    form_dbd    => $form->('SessionDBDCookieName session path=/'),
    form_crypto => $form->("SessionCookieName session path=/\nSessionCryptoPassphrase $SECRET"),
    basic       => <<"CONF" });
<Directory "$work/peers/htdocs/members">
    AuthType Basic
    AuthName Members
    AuthBasicProvider socache dbd
    AuthnCacheProvideFor dbd
    AuthnCacheContext members
    AuthDBDUserPWQuery "SELECT hash FROM people WHERE name = %s"
    Require valid-user
</Directory>
CONF
npm('npm', workers => 1);
npm('npm_two', workers => 2);

my %header = (cache => 'Cookie: ' . sign_up($port{cache}, 'ada@example.com'),
    basic => 'Authorization: Basic ' . encode_base64("ada:$PASSWORD", ''));
$header{database} = $header{cache};
for my $site (qw(form_dbd form_crypto)) {
    (my $typed = $PASSWORD) =~ tr/ /+/;
    my $answer = ask($port{$site}, POST => '/sign-in', "httpd_username=ada&httpd_password=$typed");
    $answer->{cookie} or die "$site: no session, $answer->{status}\n" . `tail -n 5 '$work/peers/error.log'`;
    $header{$site} = "Cookie: $answer->{cookie}";
}

sub page { my ($site) = @_; return wrk($READERS, $port{$site}, '/members/page.html', "-H '$header{$site}'") }
sub npm_session { my ($site) = @_; return wrk($READERS, $port{$site}, '/api/auth/get-session', "-H '$header{cache}'") }
rounds((map { my $site = $_; $site => sub { page($site) } } qw(cache database form_dbd form_crypto basic)),
    map { my $site = $_; $site => sub { npm_session($site) } } qw(npm npm_two));

describe("$READERS connections, kept alive.\n");
table(
    ['guarded page ÷ mod_auth_form, mod_session_dbd', 'cache', 'form_dbd', '3'],
    ['the same, our database asked each time', 'database', 'form_dbd'],
    ['guarded page ÷ mod_auth_form, mod_session_crypto', 'cache', 'form_crypto'],
    ['guarded page ÷ mod_auth_basic, mod_authn_socache, MD5', 'cache', 'basic'],
    ['guarded page ÷ npm\'s `get-session`, one process', 'cache', 'npm'],
    ['guarded page ÷ npm\'s `get-session`, cluster of two', 'cache', 'npm_two'],
);
report_log($_) for qw(httpd peers);
1;
