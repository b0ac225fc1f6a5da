#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# The examples run, and know who is signed in: FastAPI behind httpd and on its own, Node, PHP over FastCGI, a plain program.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use Time::HiRes qw(sleep);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};

my $SITE = 'back-ends';
my $state = BATest::state();
my $examples = "$state->{srcdir}/examples";
my %port = map { $_ => BATest::free_port() } qw(fastapi direct node php);
my @pids;

# A server in a process of its own, killed at the end; its words go into a file that a failure shows.
sub start {
    my ($name, $env, @command) = @_;
    my $log = "$state->{workdir}/$SITE-$name-" . flavour() . '.log';
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        open STDOUT, '>', $log or POSIX::_exit(1);
        open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
        @ENV{ keys %$env } = values %$env;
        delete $ENV{LD_PRELOAD};
        exec @command or POSIX::_exit(1);
    }
    push @pids, $pid;
    return $log;
}

sub wait_for {
    my ($name, $log) = @_;
    for (1 .. 300) {
        return pass("$name listens") if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{$name});
        sleep 0.1;
    }
    fail("$name listens");
    diag(BATest::_slurp($log));
}

BATest::stop_cleanly();
END { kill TERM => @pids if @pids }

my $conf = BATest::_slurp("$examples/fastapi/httpd.conf");
my $proxied = sub { my ($name, $prefix) = @_; return $conf =~ s{"/app/"}{"/$prefix/"}gr =~ s{:8000/\w+/}{:$port{$name}/app/}r };
my $httpd = private_httpd(name => $SITE, main => "LoadModule proxy_fcgi_module " . ($ENV{BA_MODULEDIR} || '/usr/lib/apache2/modules') . "/mod_proxy_fcgi.so\n",
    extra => $proxied->('fastapi', 'app') . $proxied->('node', 'node') . <<END);
Alias "/php/" "$examples/php/"
<Directory "$examples/php">
    AuthType Session
    AuthName "PHP"
    Require valid-user
    # php-cgi, unlike php-fpm, takes the name of the script as it is
    ProxyFCGIBackendType GENERIC
    <FilesMatch "\\.php\$">
        SetHandler "proxy:fcgi://127.0.0.1:$port{php}"
    </FilesMatch>
</Directory>
ScriptAlias "/cgi/me" "$examples/cgi/me.sh"
<Location "/cgi">
    AuthType Session
    AuthName "CGI"
    Require valid-user
</Location>
<Directory "$examples/cgi">
    Require all granted
</Directory>
END

my $base = "http://127.0.0.1:" . BATest::_site($SITE)->{port} . '/api/auth';
my %log = (
    fastapi => start('fastapi', { PYTHONDONTWRITEBYTECODE => 1 }, '/usr/bin/python3', '-m', 'uvicorn', '--app-dir', "$examples/fastapi", 'main:app', '--host', '127.0.0.1', '--port', $port{fastapi}),
    direct  => start('direct', { PYTHONDONTWRITEBYTECODE => 1, BETTERAUTH_URL => $base, FRONT_END => 'https://app.example' },
        '/usr/bin/python3', '-m', 'uvicorn', '--app-dir', "$examples/fastapi", 'main:app', '--host', '127.0.0.1', '--port', $port{direct}),
    node    => start('node', { PORT => $port{node} }, $ENV{BA_NODE} || 'node', "$examples/node/server.mjs"),
    php     => start('php', {}, 'php-cgi', '-d', 'cgi.force_redirect=0', '-b', "127.0.0.1:$port{php}"),
);
wait_for($_, $log{$_}) for sort keys %log;

my $zoe = sign_up($SITE, email => 'zoe@example.com', name => "Zo\x{eb} \"Z\"");
my $vera = sign_up($SITE, email => 'vera@example.com', name => 'Vera');
sql($SITE, "UPDATE user SET emailVerified = 1 WHERE email = 'vera\@example.com'");
my @forged = ('X-Auth-User-Id' => 'x', 'X-Auth-Email' => 'vera@example.com', 'X_Auth_Email' => 'vera@example.com', 'X-Auth-Name' => 'x', 'X-Auth-Email-Verified' => 'true');

for my $prefix (qw(app node)) {
    subtest "$prefix, behind httpd" => sub {
        my $get = sub { my ($path, $who) = @_; return request($SITE, GET => "/$prefix/$path", headers => [@forged], $who ? (cookie => $who->{cookie}) : ()) };
        is($get->('public')->{json}{hello}, 'stranger', 'optional sign-in: nobody, whatever the client says');
        is($get->('public', $zoe)->{json}{hello}, "Zo\x{eb} \"Z\"", 'and Zoe');
        is($get->('me')->{status}, 401, 'nobody has no page');
        my $me = $get->('me', $zoe)->{json} || {};
        is($me->{id} . ' ' . $me->{email}, "$zoe->{user}{id} zoe\@example.com", 'Zoe has');
        is($get->('verified', $zoe)->{status}, 403, 'her address is not verified');
        is($get->('verified', $vera)->{json}{secret}, 'for vera@example.com', "Vera's is");
    };
}

subtest 'fastapi, asking the server' => sub {
    local BATest::_httpd()->{sites}{direct} = { port => $port{direct}, private => 1, dialect => 'sqlite' };
    my $get = sub { my ($path, @o) = @_; return request('direct', GET => "/app/$path", @o) };
    is($get->('me')->{status}, 401, 'nobody');
    is($get->('me', headers => [@forged])->{status}, 401, 'headers of a client are not believed');
    is($get->('me', cookie => 'better-auth.session_token=forged.x')->{status}, 401, 'nor a forged cookie');
    is(($get->('me', cookie => $zoe->{cookie})->{json} || {})->{email}, 'zoe@example.com', 'a session cookie');
    is($get->('verified', cookie => $zoe->{cookie})->{status}, 403, 'not verified');
    is($get->('verified', cookie => $vera->{cookie})->{status}, 200, 'verified');
    my $cors = $get->('me', cookie => $zoe->{cookie}, origin => 'https://app.example');
    is(header($cors, 'access-control-allow-origin') . ' ' . header($cors, 'access-control-allow-credentials'), 'https://app.example true', 'the front end may read it');
    is(header($get->('me', origin => 'https://evil.example'), 'access-control-allow-origin'), undef, 'others may not');
    post($SITE, '/sign-out', {}, cookie => $vera->{cookie}, origin => ORIGIN);
    is($get->('verified', cookie => $vera->{cookie})->{status}, 401, 'signed out there is signed out here');
};

subtest 'php' => sub {
    my $answer = request($SITE, GET => '/php/me.php', cookie => $zoe->{cookie}, headers => [@forged]);
    is_deeply($answer->{json} || $answer->{body}, { id => $zoe->{user}{id}, email => 'zoe@example.com', name => "Zo\x{eb} \"Z\"", emailVerified => JSON::PP::false() }, 'is told');
    is(request($SITE, GET => '/php/me.php', headers => [@forged])->{status}, 401, 'and not run for nobody');
};

subtest 'a program' => sub {
    my $answer = request($SITE, GET => '/cgi/me', cookie => $zoe->{cookie}, headers => [@forged]);
    utf8::decode(my $text = $answer->{body});
    is($text, "REMOTE_USER zoe\@example.com\nid $zoe->{user}{id}\nemail zoe\@example.com\nname Zo\x{eb} \"Z\"\nverified false\n", 'is told');
    is(request($SITE, GET => '/cgi/me', headers => [@forged])->{status}, 401, 'and not run for nobody');
};

$httpd->stop if $httpd->can('stop');
done_testing;
