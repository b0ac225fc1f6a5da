#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# A database server that was set up by somebody else: cuts what is too long, has a charset in which a quote can be half a
# letter, lives in another time zone, lends few connections, or wants TLS. None of it shows.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use Time::HiRes qw(time sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my ($SITE, $TLS) = ('settings', 'settings-tls');
my $dir = BATest::state()->{workdir} . "/$SITE-files-" . flavour();
mkdir $_ for $dir, "$dir/big";
{ open my $out, '>', "$dir/big/file.html" or die; print {$out} 'x' x 65_536 for 1 .. 256; close $out }

# --- certificates: of the server, and one that has nothing to do with it

for my $name (qw(server stranger)) {
    certificate("$dir/$name", '127.0.0.1');
    open my $out, '>>', "$dir/my.cnf" or die;
    print {$out} "[$name]\nssl-ca=$dir/$name.crt\nssl-verify-server-cert\nconnect-timeout=3\n";
}
local $ENV{MARIADB_HOME} = $dir;    # where the client library looks, as in /etc/mysql

my $db = private_mariadb($SITE);
$db->stop;
$db->start('--sql-mode=', '--character-set-server=gbk', '--skip-character-set-client-handshake', '--default-time-zone=-05:00', "--ssl-cert=$dir/server.crt", "--ssl-key=$dir/server.key");
$db->create('settings', schema('mysql'));
$db->sql('ALTER TABLE user ADD company varchar(10) NULL', 'settings');
$db->sql(q{CREATE USER 'tls'@'127.0.0.1' IDENTIFIED BY 'tls-test' REQUIRE SSL; GRANT ALL ON *.* TO 'tls'@'127.0.0.1'});

my $field = "    BetterAuthField user company string\n    DBDMax 2\n";
my $params = $db->dbd_params('settings') =~ s/user=\S+ pass=\S+/user=tls pass=tls-test/r =~ s/ flags=\S+//r;
my $httpd = private_httpd(name => $SITE, mariadb => $db, database => 'settings', extra => $field . <<"END",
    Alias "/big" "$dir/big"
    <Directory "$dir/big">
        AuthType Session
        AuthName "Big"
        Require valid-user
    </Directory>
END
    main => join '', map { BATest::Sites::vhost("$TLS-$_", mariadb => $db, database => 'settings', extra => qq{    DBDParams "$params group=$_"\n}) } qw(server stranger none));
my $log = $httpd->error_log;

sub rows { return $db->sql($_[0], 'settings') }

subtest 'nothing is cut' => sub {
    my %user = (name => 'Ada', email => 'ada@example.com', password => PASSWORD);
    is((rows('SELECT CONCAT("-", @@sql_mode)'))[0][0], '-', 'the server cuts what is too long');
    my $answer = post($SITE, '/sign-up/email', { %user, company => 'too long for ten' });
    cmp_ok($answer->{status}, '>=', 400, 'a value that its column does not hold is refused');
    is((rows('SELECT COUNT(*) FROM user'))[0][0], 0, 'and not stored by halves');
    is(post($SITE, '/sign-up/email', { %user, company => 'ten chars!' })->{status}, 200, 'one that fits is taken');
};

subtest 'bytes are bytes' => sub {
    is((rows('SELECT @@character_set_client'))[0][0], 'gbk', 'the server reads what clients say as GBK');
    for my $name ("Zoë 𝒜 日本 ''\"", "\x{bf}' OR 1=1 -- ", "縗' OR '1'='1", "\\' OR 1=1 #") {
        my $user = sign_up($SITE, name => $name);
        is(request($SITE, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json}{user}{name}, $name, 'a name comes back whole');
        my $hex = uc unpack 'H*', Encode::encode_utf8($name);
        is((rows("SELECT HEX(name) FROM user WHERE email = '$user->{email}'"))[0][0], $hex, 'and is stored as it was sent');
    }
    # in GBK, BF 27 is one letter, and a quote that was escaped would be one again
    my $in = request($SITE, POST => '/api/auth/sign-in/email', body => qq({"email":"ada\@example.com\xbf'","password":"\xbf' OR 1=1 -- "}), headers => ['Content-Type' => 'application/json'], origin => ORIGIN);
    is($in->{status}, 400, 'half a letter in an address');
    $in = request($SITE, POST => '/api/auth/sign-in/email', body => qq({"email":"ada\@example.com","password":"\xbf' OR 1=1 -- "}), headers => ['Content-Type' => 'application/json'], origin => ORIGIN);
    is($in->{status}, 401, 'half a letter in a password');
};

subtest 'times are UTC' => sub {
    my $user = sign_up($SITE);
    my $session = request($SITE, GET => '/api/auth/get-session', cookie => $user->{cookie})->{json}{session};
    my $stored = (rows("SELECT expiresAt FROM session WHERE token = '$user->{token}'"))[0][0];
    is($stored =~ s/ /T/r . 'Z', $session->{expiresAt}, 'what is stored is what is said');
    cmp_ok($stored, 'ge', moment($SITE, 7 * 86400 - 60), 'it ends in seven days');
    cmp_ok($stored, 'le', moment($SITE, 7 * 86400 + 1), 'to the second');
    rows(sprintf q{UPDATE session SET expiresAt = '%s', createdAt = '%s' WHERE token = '%s'}, moment($SITE, 60), moment($SITE, -86400), $user->{token});
    is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, 'a minute before its end');
    rows(sprintf q{UPDATE session SET expiresAt = '%s' WHERE token = '%s'}, moment($SITE, -2), $user->{token});
    is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 401, 'two seconds after it');
};

subtest 'slow readers hold no connection' => sub {
    my $user = sign_up($SITE);
    my @slow;
    for (1 .. 16) {
        my $socket = BATest::_connect($SITE);
        setsockopt $socket, IO::Socket::SOL_SOCKET(), IO::Socket::SO_RCVBUF(), 4096;
        print {$socket} "GET /big/file.html HTTP/1.1\r\nHost: auth.test\r\nCookie: $user->{cookie}\r\n\r\n";
        $socket->flush;
        push @slow, $socket;
    }
    for (@slow) { sysread $_, my $head, 12; is($head, 'HTTP/1.1 200', 'one reads slowly') or last }
    my $begun = time;
    is(post($SITE, '/sign-in/email', { email => $user->{email}, password => PASSWORD }, timeout => 15)->{status}, 200, 'sign-in goes on, with two connections for each child');
    is(request($SITE, GET => '/members/page.html', cookie => $user->{cookie}, timeout => 15)->{status}, 200, 'and so do pages') for 1 .. 8;
    cmp_ok(time - $begun, '<', 10, 'without waiting');
    close $_ for @slow;
};

subtest 'TLS' => sub {
    my $asks = sub { my ($how) = @_; return post("$TLS-$how", '/sign-in/email', { email => 'ada@example.com', password => PASSWORD })->{status} };
    is($asks->('server'), 200, 'with the certificate of its authority');
    is($asks->('stranger'), 503, 'not with that of another');
    is($asks->('none'), 503, 'never without');
    ok((grep { /BA0105/ } log_lines($log)), 'the log says that there is no database');
};

# MySQL counts rows that a statement changed, and those that it found only where DBDParams say so
subtest 'without CLIENT_FOUND_ROWS' => sub {
    my $site = "$TLS-server";
    my $user = sign_up($site);
    for my $round (1, 2) {
        is(post($site, '/update-user', { name => 'same' }, cookie => $user->{cookie})->{status}, 200, "the same name, $round");
        is(post($site, '/change-password', { currentPassword => PASSWORD, newPassword => PASSWORD }, cookie => $user->{cookie})->{status}, 200, "the same password, $round");
        rows(sprintf q{UPDATE session SET expiresAt = '%s' WHERE token = '%s'}, moment($SITE, 86400), $user->{token});
        is(request($site, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 200, "a refresh, $round");
    }
    is(post($site, '/revoke-session', { token => $user->{token} }, cookie => $user->{cookie})->{status}, 200, 'an end');
    is(request($site, GET => '/members/page.html', cookie => $user->{cookie})->{status}, 401, 'is the end');
};

$httpd->stop;
$db->stop;
my @other = grep { !/\bBA(?:0105|0119|0201|0714)\b|\[dbd:/ } log_lines($log);
is(scalar @other, 0, 'the log knows no other trouble') or diag @other;
done_testing;
