#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# `apachectl -t -D DUMP_BETTERAUTH`: what it prints, to the letter. Sections of several servers, nested and merged.
use strict;
use warnings;
use BATest -own;
use BATest::Httpd;
use BATest::MariaDB;

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $state = BATest::state();
my $dir = "$state->{workdir}/dump-" . flavour();
my $mysql = mariadb()->dbd_params('ba_mysql');
mkdir $dir;
for my $n (1, 2) { BATest::MariaDB::_pipe($n == 1 ? join('', map { local (@ARGV, $/) = $_; <> } schema('sqlite3')) : 'VACUUM;', 'sqlite3', "$dir/$n.db") }

# Answers status, what went to stdout and what to stderr.
sub dumped {
    my ($conf, $define, @without) = @_;
    my $httpd = $state->{flavours}{ flavour() };
    my ($status, $output) = BATest::Httpd->configtest(dir => $dir, conf => $conf, env => $httpd->{env},
        load => BATest::Httpd::load_modules($httpd->{module}, @without), how => '-D ' . ($define // 'DUMP_BETTERAUTH') . " 2>'$dir/stderr'");
    s{\Q$dir\E/}{}g, s/ port=\d+/ port=3306/g for $output;
    # a new directive's default is no concern of this test
    $output =~ s/^ +BetterAuth(?!Unauthenticated|RemoteUser|Export|ForwardCookies)\w+ .* \(default\)\n//mg;
    return ($status, $output, do { local (@ARGV, $/) = "$dir/stderr"; <> });
}

my ($status, $said, $complaints) = dumped(<<"END");
DBDriver sqlite3
DBDParams $dir/1.db
TraceEnable off
BetterAuthTrustedOrigins https://a.example
BetterAuthTrustedOrigins https://b.example
BetterAuthSignUp on
<Location "/everywhere">
    AuthType Session
    Require valid-user
</Location>
<Directory "/srv">
    AuthType Session
    BetterAuthExport env
    <RequireAll>
        Require valid-user
        <RequireNone>
            Require user evil\@example.com
        </RequireNone>
    </RequireAll>
</Directory>
<VirtualHost *:443>
    ServerName auth.test
    BetterAuthSecret 0123456789abcdef0123456789abcdef "exec:/bin/echo another-secret-that-is-long-enough"
    BetterAuthBaseURL https://auth.test
    BetterAuthCookieDomain auth.test
    BetterAuthSignUp on
    BetterAuthSignUp off
    BetterAuthMailer smtp://somebody:hunter22\@mail.example
    BetterAuthRateLimitRule /ok off
    BetterAuthRateLimitRule /error 10 3
    <Location "/api/auth">
        SetHandler betterauth
    </Location>
    <Directory "/srv/members/sub">
        AuthMerging And
        Require ip 10.0.0.0/8
        BetterAuthRemoteUser id
    </Directory>
    <Directory "/srv/members">
        BetterAuthUnauthenticated pass
        Require all granted
        <Files "x.html">
            Require user alice\@example.com
        </Files>
        <If "%{HTTP_HOST} == 'x'">
            AuthType None
        </If>
        <Files "plain.css">
            ForceType text/css
        </Files>
    </Directory>
    <DirectoryMatch "^/srv/.*/sub\$">
        BetterAuthForwardCookies on
    </DirectoryMatch>
    <LocationMatch "^/guarded/[a-z]+">
        BetterAuthExport none
    </LocationMatch>
    <Location "/guarded">
        AuthType "session"
    </Location>
    <Location "/guarded/basic">
        AuthType Basic
        <Limit GET POST>
            Require valid-user
        </Limit>
    </Location>
    <Location "/guarded/any">
        Satisfy Any
        Require valid-user
    </Location>
    <Location "/guarded-not">
        Require valid-user
    </Location>
    <Proxy "http://127.0.0.1/x/">
        AuthType Session
        <LimitExcept GET>
            Require valid-user
        </LimitExcept>
    </Proxy>
</VirtualHost>
<VirtualHost 127.0.0.1:80>
    ServerName mysql.test:8080
    DBDriver mysql
    DBDParams "$mysql"
    BetterAuthSecret "exec:/bin/echo 0123456789abcdef0123456789abcdef"
    BetterAuthMailer dir:/tmp
    BetterAuthMailFrom "The Site <site\@auth.test>"
    BetterAuthCookieCache jwt 2m
    BetterAuthSessionCache off
    <Location "/auth">
        SetHandler betterauth-pages
    </Location>
    <Location "/">
        AuthType None
    </Location>
</VirtualHost>
<VirtualHost 127.0.0.1:81>
    ServerName empty.test
    DBDParams $dir/2.db
    BetterAuthSecret 0123456789abcdef0123456789abcdef
</VirtualHost>
END
is($status, 0, 'the configuration is good') or diag $complaints;
my $golden = do { local (@ARGV, $/) = "$state->{srcdir}/t/conf/dump.out"; <> };
is($said, $golden, 'what it comes to, to the letter');
unlike($said, qr/hunter22|somebody|0123456789abcdef|another-secret|\bpass=/, 'no secret in it');
unlike($complaints, qr/mod_betterauth configuration/, 'all of it on stdout');

subtest 'a password that looks like another parameter' => sub {
    my ($ok, $text) = dumped("TraceEnable off\nDBDriver mysql\nDBDParams \"host=127.0.0.1, port = 1 pass=dbname=geheim;dbname=auth reconnect=0\"\n"
        . "BetterAuthSecret 0123456789abcdef0123456789abcdef\n", undef, 'socache_shmcb');
    like($text, qr/^    database +mysql host=127\.0\.0\.1 port=3306 dbname=auth: cannot be reached$/m, 'is not shown') or diag $text;
    unlike($text, qr/geheim/, 'anywhere');
    like($text, qr/^    session cache off, shmcb is not loaded$/m, 'a cache that httpd has not');
};

is((dumped("TraceEnable off\n"))[1], "mod_betterauth configuration:\nmain server auth.test\n    not used      no BetterAuthSecret\n"
    . "not shown: .htaccess files; which directories an address leads to\n", 'nothing is configured');
is((dumped("TraceEnable off\n", 'OTHER'))[1], '', 'not asked for, not printed');
my ($refused, $nothing) = dumped("<Location /x>\n    AuthType Session\n    Require valid-user\n</Location>\n");
isnt($refused, 0, 'a configuration that is refused');
is($nothing, '', 'is not printed');

done_testing;
