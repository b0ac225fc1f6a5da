#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# nginx, as Debian has it, asks httpd who comes in: the configuration of examples/nginx, in front of an application.
use strict;
use warnings;
use utf8;
use BATest -own;
use BATest::Sites;
use File::Path qw(make_path);
use Time::HiRes qw(sleep);

expect_private_log(qw(BA0201 BA0714));    # a table goes

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my $NGINX = $ENV{BA_NGINX} || '/usr/sbin/nginx';
plan skip_all => "no $NGINX; ./setup check brings one" unless -x $NGINX || $ENV{BA_NGINX};

my $SITE = 'behind-nginx';
my $state = BATest::state();
my $examples = "$state->{srcdir}/examples/nginx";
my @BROWSER = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html,*/*;q=0.8');
my $NOBODY = { message => 'Unauthorized', code => 'UNAUTHORIZED' };
my $pid;

sub replaced { my ($text, @pairs) = @_; while (my ($old, $new) = splice @pairs, 0, 2) { $text =~ s/\Q$old\E/$new/g or die "no $old\n" } return $text }

# The mount stands outside of the virtual host, which inherits it.
my $conf = replaced(BATest::_slurp("$examples/httpd.conf"), 'http://localhost:8080' => ORIGIN);
my ($mount) = $conf =~ m{(<Location.*?</Location>\n)}s or die;
my $httpd = private_httpd(name => $SITE, main => $mount, extra => replaced($conf, $mount => '') . "BetterAuthSessionCache off\nBetterAuthAdmin on\n", limit => 'BetterAuthRateLimit on');

my $port = BATest::free_port();
my $dir = "$state->{workdir}/nginx-" . flavour();
make_path($dir);
open my $out, '>', "$dir/nginx.conf" or die "$dir: $!\n";
print {$out} replaced(BATest::_slurp("$examples/nginx.conf"), '127.0.0.1:8080' => "127.0.0.1:$port", '127.0.0.1:8000' => '127.0.0.1:' . BATest::_site($SITE)->{port},
    '127.0.0.1:3000' => "127.0.0.1:$state->{echo}");
close $out;
BATest::stop_cleanly();
END { if ($pid) { local $?; kill TERM => $pid; waitpid $pid, 0 } }
defined($pid = fork) or die "fork: $!";
if (!$pid) {
    open STDOUT, '>', "$dir/log" or POSIX::_exit(1);
    open STDERR, '>&', \*STDOUT or POSIX::_exit(1);
    delete $ENV{LD_PRELOAD};
    exec $NGINX, '-p', $dir, '-e', 'stderr', '-c', "$dir/nginx.conf" or POSIX::_exit(1);
}
BATest::_httpd()->{sites}{nginx} = { port => $port, private => 1, dialect => 'sqlite' };
my $up;
for (1 .. 100) {
    last if $up = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port);
    sleep 0.05;
}
ok($up, 'nginx listens') or diag BATest::_slurp("$dir/log");

sub get { my ($path, $cookie, @headers) = @_; return request('nginx', GET => $path, headers => \@headers, $cookie ? (cookie => $cookie) : ()) }
sub told { my ($answer, $name) = @_; my @raw = @{ $answer->{json}{headers} || [] }; my @found; while (my ($k, $v) = splice @raw, 0, 2) { push @found, $v if lc($k =~ tr/_/-/r) eq lc $name } return "@found" }
sub reached { my ($answer) = @_; return $answer && $answer->{json} && ref $answer->{json} eq 'HASH' && $answer->{json}{backend} ? 1 : 0 }
sub refused {
    my ($answer, $name) = @_;
    is($answer->{status}, 401, "$name: refused");
    is_deeply($answer->{json}, $NOBODY, "$name: with JSON");
}

my $URL = '/app/a%20b?c=d&e=%2F%26f#'; chop $URL;
my $zoe = sign_up('nginx', email => 'zoe@example.com', name => "Zo\x{eb}");

subtest 'a person comes, signs in and comes back' => sub {
    my $answer = get($URL, undef, @BROWSER);
    my $page = '/auth/sign-in?callbackURL=' . uri_escape(ORIGIN . $URL);
    is("$answer->{status} " . header($answer, 'location'), '302 ' . ORIGIN . $page, 'to sign-in');
    my $form = get($page, undef, @BROWSER);
    is($form->{status}, 200, 'the page is there');
    like($form->{body}, qr/name="callbackURL" value="\Q@{[ORIGIN . $URL =~ s{&}{&amp;}gr]}\E"/, 'and knows the way back');
    my $sent = request('nginx', POST => $page, headers => [@BROWSER, 'Sec-Fetch-Site' => 'same-origin'], origin => ORIGIN,
        form => [email => 'zoe@example.com', password => PASSWORD, callbackURL => ORIGIN . $URL]);
    is("$sent->{status} " . (header($sent, 'location') // '-'), '303 ' . ORIGIN . $URL, 'signed in: back to the exact address');
    my $app = get($URL, cookie_header($sent), @BROWSER);
    ok(reached($app), 'the application answers');
    is($app->{json}{url}, $URL, 'is asked for what the person wanted');
    is(join(' ', map { told($app, $_) } qw(X-Auth-User-Id X-Auth-Email X-Auth-Name X-Auth-Email-Verified Remote-User)), "$zoe->{user}{id} zoe\@example.com Zo%C3%AB false zoe\@example.com", 'and knows who it is');
    like(told($app, 'X-Auth-Session-Id'), qr/^\w{32}$/, 'and the session');
    is(told($app, 'X-Auth-Role'), 'user', 'and the role');
    is_deeply(cookies($app)->{''}, [], 'no cookie is set');
};

subtest 'programs' => sub {
    refused(get('/api/things', undef, Accept => 'application/json'), 'nobody');
    my $posted = request('nginx', POST => '/api/things', json => { a => 1 });
    refused($posted, 'nobody sending something');
    $posted = request('nginx', POST => '/api/things', json => { a => 1 }, cookie => $zoe->{cookie});
    is("$posted->{json}{method} $posted->{json}{body}", 'POST {"a":1}', 'somebody: the whole request arrives');
    is(request('nginx', HEAD => '/x', cookie => $zoe->{cookie})->{status}, 200, 'HEAD');
    ok(reached(get('/x', $zoe->{cookie}, Range => 'bytes=5-9', 'If-None-Match' => '"x"')), 'a Range');
};

subtest 'forged headers' => sub {
    my @names = qw(X-Auth-User-Id X-Auth-Email X-Auth-Name X-Auth-Email-Verified X-Auth-Session-Id X-Auth-Role Remote-User);
    my @forged = map { ($_ => 'boss@example.com', tr/-/_/r => 'boss@example.com') } @names;
    refused(get('/x', undef, @forged), 'nobody');
    my $app = get('/x', $zoe->{cookie}, @forged);
    unlike(join(' ', map { told($app, $_) } @names), qr/boss/, 'the application sees none of them');
    is(told($app, 'X-Auth-Email') . ' ' . told($app, 'Remote-User'), 'zoe@example.com zoe@example.com', 'but who it is');
    my $answer = get('/x', undef, @BROWSER, 'X-Original-URL' => 'https://evil.example/', 'X-Original-Method' => 'POST', 'X-Forwarded-Host' => 'evil.example', 'X-Forwarded-Uri' => '/evil', 'X-Forwarded-Proto' => 'https');
    is(header($answer, 'location'), ORIGIN . '/auth/sign-in?callbackURL=' . uri_escape(ORIGIN . '/x'), 'nor does the way back change');
    $answer = request('nginx', GET => '/x', host => 'evil.example', headers => \@BROWSER);
    is($answer->{status}, 401, 'another host is not sent to sign-in');
    is(get('/_auth', $zoe->{cookie})->{status}, 404, 'the question is not for visitors');
};

subtest 'assets by the hundred' => sub {
    my %status;
    $status{ get("/asset/$_", $zoe->{cookie})->{status} }++ for 1 .. 130;
    is_deeply(\%status, { 200 => 130 }, 'the limit of the API is not for these questions');
    my @wrong = map { request('nginx', POST => '/api/auth/sign-in/email', json => { email => 'zoe@example.com', password => 'wrong' }, headers => ['X-Forwarded-For' => "10.0.0.$_"])->{status} } 1 .. 5;
    is($wrong[-1], 429, 'that of sign-in holds, whatever address a visitor claims');
};

subtest 'a refreshed session' => sub {
    sql($SITE, q{UPDATE session SET expiresAt = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+2 days')});
    my $answer = get('/x', $zoe->{cookie});
    ok(reached($answer), 'passes');
    is_deeply(cookies($answer)->{''}, ['better-auth.session_token'], 'its cookie gets to the browser');
    sql($SITE, q{UPDATE session SET expiresAt = '2020-01-01T00:00:00.000Z'});
    refused(get('/x', $zoe->{cookie}), 'a session that is over');
    sql($SITE, q{UPDATE session SET expiresAt = strftime('%Y-%m-%dT%H:%M:%fZ', 'now', '+6 days')});
};

subtest 'trouble' => sub {
    my $bob = sign_up('nginx', email => 'bob@example.com');
    ok(reached(get('/x', $bob->{cookie})), 'Bob is in');
    sql($SITE, 'ALTER TABLE session RENAME TO away');
    for my $who ([$bob->{cookie}, 'somebody'], [$bob->{cookie}, 'a browser', @BROWSER]) {
        my ($with, $name, @headers) = @$who;
        my $answer = get('/x', $with, @headers);
        like($answer->{status}, qr/^5\d\d$/, "database down, $name: an error");
        ok(!reached($answer), "database down, $name: not let through");
    }
    sql($SITE, 'ALTER TABLE away RENAME TO session');
    my $in;
    for (1 .. 50) { last if $in = reached(get('/x', $bob->{cookie})); sleep 0.1 }
    ok($in, 'it is back, and so is Bob');
    my $out;
    # another child may still believe that the database is down
    for (1 .. 50) { last if ($out = request('nginx', POST => '/api/auth/sign-out', json => {}, origin => ORIGIN, cookie => $bob->{cookie}))->{status} == 200; sleep 0.1 }
    is($out->{status}, 200, 'he signs out');
    refused(get('/x', $bob->{cookie}), 'and is out at once');
    $httpd->stop;
    my $answer = get('/x', $bob->{cookie});
    like($answer->{status}, qr/^5\d\d$/, 'no httpd: an error');
    ok(!reached($answer), 'no httpd: not let through');
};

done_testing;
