#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What `apachectl configtest` refuses, with file, line and what to do; and what it lets pass.
use strict;
use warnings;
use BATest -own;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
BATest::state();

my $DB     = "DBDriver sqlite3\nDBDParams /nonexistent/auth.db\n";
my $SECRET = "BetterAuthSecret 0123456789abcdef0123456789abcdef\n";
my $API    = qq{<Location "/api/auth">\n    SetHandler betterauth\n</Location>\n};
my $PAGES  = qq{<Location "/auth">\n    SetHandler betterauth-pages\n</Location>\n};
my $GUARD  = qq{<Location "/members">\n    AuthType Session\n    AuthName "Members"\n    Require valid-user\n</Location>\n};
my $ALL    = "$DB$SECRET$API$PAGES$GUARD";

sub accepted {
    my ($name, $conf, @without) = @_;
    my ($status, $output) = configtest($conf, @without);
    ok($status == 0 && $output =~ /Syntax OK/, $name) or diag $output;
}

# The line that a message names is the one that holds the text given.
sub refused {
    my ($name, $conf, $at, $says, @without) = @_;
    my ($status, $output) = configtest($conf, @without);
    my $line = 1 + (substr($conf, 0, index $conf, $at) =~ tr/\n//);
    subtest $name => sub {
        isnt($status, 0, 'is refused');
        like($output, $says, 'says why');
        like($output, qr/site\.conf/, 'names the file');
        like($output, qr/(?:line |site\.conf[: (]+(?:line )?)$line\b/, "and line $line");
        unlike($output, qr/0123456789abcdef/, 'shows no secret');
    } or diag $output;
}

accepted('the six lines', $ALL);
accepted('nothing of ours', "ServerAdmin a\@b.co\n");
accepted('directives alone', "BetterAuthSignUp off\n");

refused('no secret, an API',     "$DB$API",   'betterauth',     qr/BetterAuthSecret/);
refused('no secret, a guard',    "$DB$GUARD", 'AuthType',       qr/BetterAuthSecret/);
refused('a short secret',        $ALL =~ s/(Secret) .*/$1 tooshort/r, 'BetterAuthSecret', qr/BetterAuthSecret.*32/s);
refused('the secret that everybody knows', $ALL =~ s/(Secret) .*/$1 better-auth-secret-12345678901234567890/r, 'BetterAuthSecret', qr/can be guessed/);
refused('the same four letters', $ALL =~ s/(Secret) .*/"$1 " . 'abcd' x 12/er, 'BetterAuthSecret', qr/can be guessed/);
refused('a weak one that only verifies', $ALL =~ s/(Secret) (.*)/"$1 $2 " . 'ab' x 20/er, 'BetterAuthSecret', qr/can be guessed/);
refused('an empty one', $ALL =~ s/(Secret) .*/$1 ""/r, 'BetterAuthSecret', qr/32/);
refused('31 characters',         $ALL =~ s/(Secret) .*/"$1 " . 'x' x 31/er, 'BetterAuthSecret', qr/32/);
refused('a secret file that is not there', $ALL =~ s/(Secret) .*/$1 file:\/nonexistent\/secret/r, 'BetterAuthSecret', qr{/nonexistent/secret});
refused('an environment variable that is not there', $ALL =~ s/(Secret) .*/$1 env:BA_NO_SUCH_VARIABLE/r, 'BetterAuthSecret', qr/environment variable/);
refused('a guard without a database', "$SECRET$GUARD", 'AuthType', qr/DBDriver|DBDParams/);
refused('an API without a database',  "$SECRET$API",   'betterauth', qr/DBDriver|DBDParams/);
refused('a guard without mod_dbd',    "$SECRET$GUARD", 'AuthType', qr/mod_dbd|dbd_module|a2enmod dbd/, 'dbd');
refused('pages without mod_include',  $ALL, 'betterauth-pages', qr/mod_include|a2enmod include/, 'include');
refused('a connection that comes back by itself', $ALL =~ s/^DBDriver.*\nDBDParams.*/DBDriver mysql\nDBDParams "host=127.0.0.1 user=x"/r, 'DBDParams', qr/BA0117: .*add reconnect=0 to DBDParams/);
refused('a database that we do not know', $ALL =~ s/^DBDriver.*/DBDriver pgsql/r, 'DBDriver', qr/BA0116|Can't load driver/);
accepted('an API without mod_include', "$DB$SECRET$API$GUARD", 'include');
refused('a guard in .htaccess style, nested', "$DB<VirtualHost *:80>\n<Directory \"/srv\">\n<Files \"x\">\nAuthType Session\nRequire valid-user\n</Files>\n</Directory>\n</VirtualHost>\n",
    'AuthType', qr/BetterAuthSecret/);

# directive => values that are refused, then values that pass
my %value = (
    BetterAuthBaseURL => [['ftp://x.test', 'x.test', 'http://', 'http://x.test/path', 'http://x y', '/'], ['https://auth.example', 'http://127.0.0.1:8080', 'https://auth.example:8443']],
    BetterAuthBasePath => [['api/auth', 'http://x.test/api'], ['/api/auth']],
    BetterAuthPagesPath => [['auth'], ['/auth']],
    BetterAuthPagesDir => [['/nonexistent/pages'], []],
    BetterAuthCookiePrefix => [['"a b"', '"a;b"', '"a=b"'], ['my-app']],
    BetterAuthSecureCookies => [['maybe'], [qw(auto on off)]],
    BetterAuthSignUp => [['maybe'], [qw(on off)]],
    BetterAuthAutoSignIn => [['1x'], [qw(on off)]],
    BetterAuthRequireEmailVerification => [['yes please'], [qw(on off)]],
    BetterAuthPasswordLength => [['8 4', '0 10', '-1 8', '8', 'a b', '8 99999999', '8 63', '65 128'], ['10 64', '15 64', '8 128', '1 4096']],
    BetterAuthPasswordBlockList => [['', '/nonexistent', '/tmp', '/dev/null', "/etc/passwd x"], ['/etc/passwd']],
    BetterAuthPasswordHash => [['md5', 'argon2id m=1', 'argon2id m=19455', 'argon2id m=19456 t=1', 'argon2id m=12288', 'argon2id m=12287 t=3', 'argon2id m=47103 t=1', 'argon2id m=262145', 'argon2id t=11', 'argon2id p=5', 'argon2id t=0', 'argon2id x=1', 'argon2id m=x', 'scrypt 1', ''], ['scrypt', 'argon2id', 'argon2id m=65536 t=3 p=1', 'argon2id t=3', 'argon2id m=47104 t=1', 'argon2id m=12288 t=3', 'argon2id m=262144 t=10 p=4']],
    BetterAuthHashConcurrency => [['0', '-1', 'x', '2 x', '99999999'], ['2', '2 64', '1 0']],
    BetterAuthSessionExpiresIn => [['0', '-1', '7x', 'x', '401d', '99999999999999999999'], ['7d', '300', '10m', '12h']],
    BetterAuthSessionUpdateAge => [['-1', 'x'], ['0', '1d']],
    BetterAuthSessionFreshAge => [['-1', 'x'], ['0', '1d']],
    BetterAuthMailer => [['smtp://', 'smtp://host/path', 'smtp://host?tls=on', 'smtp://host?starttls=never', 'smtp://user@host', 'smtp://user:pw@host?starttls=off',
        'smtp://user:pw@host?starttls=auto', 'smtp://host?cafile=/nonexistent', 'smtp://user@host file:/nonexistent', 'sendmail:sendmail', 'sendmail:/nonexistent', 'sendmail:',
        'dir:/nonexistent/mail', 'dir:/tmp file:/etc/hostname', 'mail.example', '""', 'off off off'],
        ['smtp://mail.example', 'smtp://user:p%20w@mail.example:587', 'smtp://[::1]:25', 'smtp://mail.example?starttls=off', 'smtp://mail.example?starttls=auto&cafile=/etc/passwd',
        'smtp://user:pw@localhost', 'smtps://user:pw@mail.example', 'smtps://user@mail.example env:PATH', '"sendmail:/bin/true -a b"', 'dir:/tmp', 'off']],
    BetterAuthMailFrom => [['nobody', '"a b@c.de"', '"Name <a@b.co"', '"Name a@b.co"', '"<>"', '"x <a@b@c>"', '"a@b.co, c@d.de"', "\"\xff <a\@b.co>\""],
        ['noreply@example.com', '"Example, Inc. <noreply@example.com>"', '"<a@b.co>"', 'noreply@[127.0.0.1]']],
    BetterAuthMailLimit => [['5', '0 1h', '5 30', '5 8d', 'x 1h', '1001 1h'], ['5 1h', '1 1m', '1000 7d']],
    BetterAuthMailDir => [['/nonexistent/mails'], ['/tmp']],
    BetterAuthLanguages => [['', 'EN', '../en'], ['en', 'de en', 'zh']],
    BetterAuthBrand => [['', 'color', 'color red', 'logo x.svg', 'style https://x.example/x.css', 'terms javascript:x'], ['color #0f766e', 'logo /logo.svg', 'style /theme.css', 'terms https://x.example/terms', 'help /help?x=y']],
    BetterAuthAppName => [['""', '"' . 'x' x 121 . '"'], ['Example', '"Example, Inc."']],
    BetterAuthRateLimit => [['maybe', ''], [qw(on off)]],
    BetterAuthRateLimitDefault => [['10', '0 100', '10 0', '-1 5', 'x 100', '10 x', '2d 100', '10 1000001', '10 100 1', 'off'], ['10 100', '1m 5', '1d 1', '1 1000000']],
    BetterAuthRateLimitRule => [['/ok', '/ok 10', '/ok 0 3', '/ok 10 0', '/ok 10 x', '/ok 10 on', '/ok x off', '/ok 10 3 4', 'ok 10 3', '/ok/ off', '"/o k" off', '/%6fk off', 'off', ''],
        ['/ok 10 3', '/ok off', '/ok 1m OFF', '/sign-*/* 1h 5', '/* off']],
    BetterAuthAdmin => [['maybe', ''], [qw(on off)]],
    BetterAuthCookieCache => [['maybe', '', 'compact x', 'compact 0', 'jwe 401d', 'jwt 1 2', '300'], ['off', 'off 300', 'compact', 'JWT 5m', 'jwe 1']],
    BetterAuthCookieCacheVersion => [['', '""', 'é', '1 2', 'x' x 65], ['1', '"v2: of it"', 'x' x 64]],
    BetterAuthTrustedOrigins => [[''], ['https://app.example', 'https://*.example', '*.example app:*']],
);
for my $directive (sort keys %value) {
    my ($bad, $good) = @{ $value{$directive} };
    refused("$directive $_", "$SECRET$directive $_\n$DB$API", $directive, qr/$directive/) for @$bad;
    accepted("$directive $_", "$ALL$directive $_\n") for @$good;
}

my %per_dir = (
    BetterAuthUnauthenticated => [['maybe', ''], [qw(auto 401 redirect pass)]],
    BetterAuthRemoteUser => [['uid', ''], [qw(email id name)]],
    BetterAuthExport => [['all', ''], [qw(env headers both none)]],
);
for my $directive (sort keys %per_dir) {
    my ($bad, $good) = @{ $per_dir{$directive} };
    my $conf = sub { $ALL =~ s/(    Require)/    $directive $_[0]\n$1/r };
    refused("$directive $_", $conf->($_), $directive, qr/$directive/) for @$bad;
    accepted("$directive $_", $conf->($_)) for @$good;
}
refused('a server directive in a directory', $ALL =~ s/(    Require)/    BetterAuthSignUp off\n$1/r, 'BetterAuthSignUp', qr/not allowed/);
refused('a secret twice over two arguments, one short', "${DB}BetterAuthSecret 0123456789abcdef0123456789abcdef short\n$API", 'BetterAuthSecret', qr/32/);
accepted('rotation', $ALL =~ s/(Secret .*)/$1 another-secret-that-is-long-enough-0/r);

subtest 'roles' => sub {
    my $line = sub { my ($require) = @_; return qq{<Location "/r">\nAuthType Session\nAuthName "R"\n$require\n</Location>\n} };
    my $why = qr/BA0171: .*Require betterauth role needs users with roles: write BetterAuthAdmin on/;
    refused($_->[0], $ALL . $line->($_->[1]), $_->[2] // $_->[1], $why)
        for ['a role without roles', 'Require betterauth role admin'], ['in any case', 'require betterauth ROLE "admin"'], ['negated, below', "<RequireAll>\nRequire all granted\nRequire not betterauth role x\n</RequireAll>", 'Require not'],
        ['off', "Require betterauth role x\n</Location>\nBetterAuthAdmin off\n<Location \"/s\">", 'Require betterauth'];
    refused('of another virtual host', "$ALL<VirtualHost *:80>\nServerName a.test\nBetterAuthAdmin on\n</VirtualHost>\n<VirtualHost *:80>\nServerName b.test\n" . $line->('Require betterauth role admin') . "</VirtualHost>\n", 'Require betterauth', $why);
    accepted('on', $ALL . $line->('Require betterauth role admin') . "BetterAuthAdmin on\n");
    accepted('sections of the server, roles in a virtual host', $ALL . $line->('Require betterauth role admin') . "<VirtualHost *:80>\nServerName a.test\nBetterAuthAdmin on\n</VirtualHost>\n");
    accepted('other kinds need none', $ALL . $line->("Require betterauth email-verified\nRequire user role"));
    for my $field ('user role string', 'user BanReason string', 'user x date column=banExpires', 'session impersonatedBy string') {
        my ($status, $output) = configtest("${ALL}BetterAuthAdmin on\nBetterAuthField $field\n");
        ok($status && $output =~ /BA0170: BetterAuthAdmin brings the column \w+: remove the BetterAuthField/, "BetterAuthField $field twice") or diag $output;
        accepted("BetterAuthField $field alone", "${ALL}BetterAuthField $field\n");
    }
    my ($status, $output) = configtest("${ALL}BetterAuthField user role string\n<VirtualHost *:80>\nServerName a.test\nBetterAuthAdmin on\n</VirtualHost>\n");
    ok($status && $output =~ /BA0170/, 'where a virtual host has both') or diag $output;
};

subtest 'a rule for nothing' => sub {
    my $warned = sub { my ($conf) = @_; my ($status, $output) = configtest($conf); is($status, 0, 'is no error') or diag $output; return scalar(() = $output =~ /BA0121: BetterAuthRateLimitRule \S+ fits no endpoint/g) };
    is($warned->("$ALL$_\n"), 1, "$_: a warning") for 'BetterAuthRateLimitRule /api/auth/ok 10 3', 'BetterAuthRateLimitRule /signin/email off', 'BetterAuthRateLimitRule /sign-in* off', 'BetterAuthRateLimitRule /OK off';
    is($warned->("$ALL$_\n"), 0, "$_: none") for 'BetterAuthRateLimitRule /ok 10 3', 'BetterAuthRateLimitRule /sign-in/* off', 'BetterAuthRateLimitRule /*/* off';
    my $host = "<VirtualHost *:80>\nServerName a.test\n%s</VirtualHost>\n";
    is($warned->($ALL . "BetterAuthRateLimitRule /x off\n" . sprintf($host, '')), 1, 'inherited: not twice');
    is($warned->($ALL . sprintf($host, "BetterAuthRateLimitRule /x off\nBetterAuthRateLimitRule /y off\n")), 2, 'in a virtual host');
};

my $FORWARD = qq{<Location "/api/auth/forward">\n    SetHandler betterauth-forward\n</Location>\n};
accepted('a place where proxies ask', "$ALL$FORWARD");
refused('the same without a secret', "$DB$FORWARD", 'betterauth-forward', qr/BetterAuthSecret/);
refused('the same without a database', "$SECRET$FORWARD", 'betterauth-forward', qr/DBDriver/);
for my $section ('LocationMatch "^/ask"', 'Location ~ "^/ask"', 'Directory "/srv"', 'Files "ask"') {
    my ($name) = $section =~ /^(\w+)/;
    refused("in $section", "$ALL<$section>\n    SetHandler betterauth-forward\n</$name>\n", 'betterauth-forward', qr/BA0167/);
}
refused('in no section', "${ALL}SetHandler betterauth-forward\n", 'SetHandler betterauth-forward', qr/BA0167/);

subtest 'other mount points' => sub {
    my $moved = $ALL =~ s{"/api/auth"}{"/x"}r =~ s{"/auth"}{"/account"}r;
    accepted('mounted where the directives say', "${moved}BetterAuthBasePath /x\nBetterAuthPagesPath /account\n");
    refused('mounted elsewhere', "${moved}BetterAuthPagesPath /account\n", 'SetHandler betterauth', qr/BetterAuthBasePath/);
};

subtest 'inheritance' => sub {
    accepted('a virtual host inherits database and secret', "$DB$SECRET<VirtualHost *:80>\nServerName a.test\n$API$PAGES$GUARD</VirtualHost>\n");
    refused('a virtual host without a secret', "$DB<VirtualHost *:80>\nServerName a.test\n$SECRET$API</VirtualHost>\n"
        . "<VirtualHost *:80>\nServerName b.test\n<Location /b>\nSetHandler  betterauth\n</Location>\n</VirtualHost>\n",
        'SetHandler  betterauth', qr/BetterAuthSecret/);
};

subtest 'one secret, two databases' => sub {
    my $cache = "BetterAuthCookieCache compact\n";
    my $host = sub { my ($name, @lines) = @_; return "<VirtualHost *:80>\nServerName $name.test\nBetterAuthBaseURL http://$name.test\n" . join('', @lines) . "$API</VirtualHost>\n" };
    my $other = "DBDriver sqlite3\nDBDParams /nonexistent/other.db\n";
    my $key = "BetterAuthSecret Yk3v9Qw8zR1tB6nM4cX7pL2sD5fG0hJa\n";
    my $says = qr/BA0168: .*b\.test have one BetterAuthSecret and two databases/;
    my $two = sub { return "$DB$SECRET" . $host->('a', $_[0]) . ($host->('b', $_[1]) =~ s/VirtualHost \*:80/VirtualHost  *:80/r) };
    refused('with a cookie cache at both', $two->($cache, "$cache$other"), '<VirtualHost *', $says);
    refused('a driver alone', $two->($cache, $cache . "DBDriver mysql\nDBDParams \"/nonexistent/auth.db reconnect=0\"\n"), '<VirtualHost *', $says);
    refused('a secret that only verifies', $two->($cache, $cache . $other . $key =~ s/\n/ 0123456789abcdef0123456789abcdef\n/r), '<VirtualHost *', $says);
    refused("$_ at both", $two->(("BetterAuthCookieCache $_ 1m\n") x 2) =~ s/(<VirtualHost  .*\n)/$1$other/r, '<VirtualHost *', $says) for qw(jwt jwe);
    refused('a cache of the main server', $cache . $two->('', $other), '<VirtualHost  ', qr/BA0168/);
    accepted('no cookie cache', $two->('', $other));
    accepted('at one only', $two->($cache, $other));
    accepted('in two forms', $two->($cache, $other . $cache =~ s/compact/jwe/r));
    accepted('in two versions', $two->($cache, "$cache${other}BetterAuthCookieCacheVersion 2\n"));
    accepted('another secret', $two->($cache, "$cache$other$key"));
    accepted('the same database', $two->($cache, $cache));
    accepted('the same database, said twice', $two->($cache, "$cache$DB"));
    accepted('no database at all', $two->($cache, $cache) =~ s/^DBD.*\n//mgr =~ s/(<VirtualHost \*.*\n)/$1$DB/r =~ s/(<VirtualHost  (?:.*\n)*?)<Location(?:.*\n)*?<\/Location>\n/$1/r);
};

subtest 'secrets from outside' => sub {
    my $file = BATest::state()->{workdir} . '/a-secret-' . flavour();
    open my $out, '>', $file or die;
    print {$out} "0123456789abcdef0123456789abcdef\n";
    close $out;
    chmod 0600, $file;
    accepted('from a file', $ALL =~ s/(Secret) .*/$1 file:$file/r);
    chmod 0604, $file;
    refused('from a file that everybody reads', $ALL =~ s/(Secret) .*/$1 file:$file/r, 'BetterAuthSecret', qr/readable by everyone: chmod 600/);
    chmod 0600, $file;
    { local $ENV{BA_TEST_SECRET} = 'Yk3v9Qw8zR1tB6nM4cX7pL2sD5fG0hJa'; accepted('from the environment', $ALL =~ s/(Secret) .*/$1 env:BA_TEST_SECRET/r) }
    accepted('from a command', $ALL =~ s/(Secret) .*/qq($1 "exec:\/bin\/cat $file")/er);
    # betterauthctl secret rotate puts a new one before the old ones
    for my $row (['one more line, which verifies', "Yk3v9Qw8zR1tB6nM4cX7pL2sD5fG0hJa\n" . SECRET . "\n", 1], ['a second line that is too short', SECRET . "\nshort\n", 0],
        ['an empty first line', "\n" . SECRET . "\n", 0]) {
        my ($what, $text, $good) = @$row;
        open my $again, '>', $file or die;
        print {$again} $text;
        close $again;
        my $conf = $ALL =~ s/(Secret) .*/$1 file:$file/r;
        $good ? accepted($what, $conf) : refused($what, $conf, 'BetterAuthSecret', qr/too short/);
    }
};

subtest 'TRACE' => sub {
    for my $row (['', 1], ["TraceEnable on\n", 1], ["TraceEnable extended\n", 1], ["TraceEnable off\n", 0]) {
        my ($line, $warned) = @$row;
        my ($status, $output) = configtest("$ALL$line");
        is($status, 0, ($line || "nothing said\n") =~ s/\n//r . ': is no error') or diag $output;
        is(scalar(() = $output =~ /BA0118: TRACE shows session cookies/g), $warned, $warned ? 'a warning' : 'and no warning');
    }
};

# A mistake in a language file costs its words, not the start.
{
    my $dir = BATest::state()->{workdir} . '/configtest-languages-' . flavour();
    mkdir $_ for $dir, "$dir/languages";
    open my $out, '>', "$dir/languages/de.txt" or die;
    print {$out} "sign-in = Herein\nno words\n";
    close $out;
    my ($status, $output) = configtest("$ALL" . "BetterAuthPagesDir $dir\nBetterAuthLanguages de xx\n");
    is($status, 0, 'a bad language file lets the server start');
    like($output, qr{BA0180: \Q$dir\E/languages/de\.txt, line 2: }, 'and is named, with its line');
    like($output, qr{BA0182: .*languages/xx\.txt}, 'so is one that is not there');
}

# Mistakes in mail documents cost their words, too: then the installed ones are used.
subtest 'documents of mails' => sub {
    my $dir = BATest::state()->{workdir} . '/configtest-mails-' . flavour();
    my $own = "$dir/pages/languages";
    mkdir $_ for $dir, "$dir/mail", "$dir/pages", $own;
    my $write = sub { my ($name, $text) = @_; open my $out, '>', $name or die "$name: $!"; print {$out} $text; close $out or die };
    my $said = sub { my ($more) = @_; my ($status, $output) = configtest("${ALL}BetterAuthMailer dir:$dir/mail\nBetterAuthMailDir $dir\n" . ($more // '')); is($status, 0, 'no reason not to start') or diag $output; return [$output =~ m{BA0724: \Q$dir\E/(.*?); mails will be written with the installed document}g] };
    my $cjk = "\xe5\xad\x97";
    $write->("$dir/reset-password.txt", "Subject: %{text:mail-hello}\n\n" . 'x' x 70 . "\n");
    $write->("$dir/reset-password.html", "<p>$cjk</p>\n" x 1000);
    is_deeply($said->(), [], 'good ones');
    $write->("$dir/reset-password.html", "<p>\n<a href=\"%{mail:url}\">%{text:mail-reset-buton}</a>\n");
    is_deeply($said->(), ['reset-password.html, line 2: there is no text mail-reset-buton'], 'a text that is not there');
    is_deeply($said->("<VirtualHost *:80>\nServerName a.test\n</VirtualHost>\n"), ['reset-password.html, line 2: there is no text mail-reset-buton'], 'is named once');
    $write->("$own/en.txt", "mail-reset-buton = Go\n");
    is_deeply($said->("BetterAuthPagesDir $dir/pages\n"), [], 'unless the operator has it');
    rename "$own/en.txt", "$own/de.txt" or die;
    is_deeply($said->("BetterAuthPagesDir $dir/pages\n"), ['reset-password.html, line 2: there is no text mail-reset-buton'], 'for some language only');
    is_deeply($said->("BetterAuthPagesDir $dir/pages\nBetterAuthLanguages de\n"), [], 'for the only one');
    $write->("$dir/reset-password.html", join '', ($cjk x 40 . "\n") x 300);
    like(join('|', @{ $said->() }), qr{^reset-password\.html, line 300: too long: 1\d{5} bytes as they are mailed, at most 40000$}, 'one that no mail can hold');
    $write->("$dir/reset-password.html", join '', ('x' x 77 . "\n") x 500);
    $write->("$dir/reset-password.txt", "Subject: x\n\n" . "$cjk\n" x 1600);
    like(join('|', @{ $said->() }), qr{^reset-password\.txt, line 1602: too long: \d+ bytes as they are mailed, at most 16000$}, 'its plain text');
};

# The server's user writes there with all groups that they have. Only root can be somebody else, so this is done as root of a
# user namespace, in which our own files are root's, and with a list of groups of its own.
subtest 'the folder of BetterAuthMailer' => sub {
    plan skip_all => 'needs user namespaces' if system 'unshare -rm true 2>/dev/null';
    my $dir = BATest::state()->{workdir} . '/configtest-folder-' . flavour();
    mkdir $_ for $dir, "$dir/mail";
    my $write = sub { my ($file, $text) = @_; open my $out, '>', $file or die "$file: $!"; print {$out} $text; close $out or die };
    $write->("$dir/httpd", qq{#!/bin/sh\nexec unshare -rm sh -c 'mount --bind "$dir/group" /etc/group && exec "\$0" "\$@"' "$BATest::Httpd::BINARY" "\$@"\n});
    chmod 0755, "$dir/httpd";
    local $BATest::Httpd::BINARY = "$dir/httpd";
    my $warned = sub {
        my ($mode, $members) = @_;
        $write->("$dir/group", "root:x:0:$members\nwww-data:x:33:\n");
        chmod oct $mode, "$dir/mail";
        my ($status, $output) = configtest("${ALL}User www-data\nGroup www-data\nBetterAuthMailer dir:$dir/mail\n");
        is($status, 0, "$mode: no reason not to start") or diag $output;
        return scalar(() = $output =~ /BA0723: mails wait/g);
    };
    is($warned->('0770', 'www-data'), 0, 'a group that User is in');
    is($warned->('0770', ''), 1, 'one that it is not in');
    is($warned->('0720', 'www-data'), 1, 'to write alone is not enough');
    is($warned->('0707', 'www-data'), 1, 'what others may does not count for the group');
    is($warned->('0707', ''), 0, 'but for all others');
    is($warned->('0702', ''), 1, 'who have to enter it, too');
};

done_testing;
