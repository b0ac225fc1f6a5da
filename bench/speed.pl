# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# What a request costs that is signed in: a small static page, and get-session.

use strict;
use warnings;
use Bench;

database();
httpd('httpd', sites => {
    cache    => '',
    cookie   => "BetterAuthSessionCache off\nBetterAuthCookieCache compact 1h",
    database => 'BetterAuthSessionCache off',
});
httpd('bare', bare => 1, sites => { bare => '' });
npm('npm', workers => 1);
npm('npm_cache', workers => 1, cache => 1);

my %cookie = map { $_ => sign_up($port{$_}, "$_\@example.com") } qw(cache cookie npm_cache);
my $forged = $cookie{cache};
$forged =~ s/\..{8}\K.{4}/AAAA/;
for my $case ([cache => 'cache'], [cookie => 'cookie'], [database => 'cache'], [npm => 'cache'], [npm_cache => 'npm_cache']) {
    my ($site, $whose) = @$case;
    my $answer = ask($port{$site}, GET => '/api/auth/get-session', undef, $cookie{$whose});
    $answer->{body} =~ /\Q$whose\E\@example\.com/ or die "get-session: $answer->{status} $answer->{body}\n";
}
$cookie{cookie} =~ /session_data/ && $cookie{npm_cache} =~ /session_data/ or die "no cookie cache\n";

sub page { my ($site, $folder, $cookie, @more) = @_; return wrk($READERS, $port{$site}, "/$folder/page.html", "-H 'Cookie: $cookie'", @more) }
sub get_session { my ($site, $cookie) = @_; return wrk($READERS, $port{$site}, '/api/auth/get-session', "-H 'Cookie: $cookie'") }

# Statements and pings of what runs.
my %asked;
sub counting {
    my ($name, $code) = @_;
    my $before = statements();
    my @result = $code->();
    my $after = statements();
    $asked{$name}{$_} += $after->{$_} - $before->{$_} for keys %$after;
    $asked{$name}{requests} += $result[0] * $SECONDS;
    return @result;
}

%RESTART = (bare => 'bare', httpd => 'cache');
rounds(
    bare     => sub { page('bare', 'open', $cookie{cache}) },
    open     => sub { page('cache', 'open', $cookie{cache}) },
    cache    => sub { counting(cache => sub { page('cache', 'members', $cookie{cache}) }) },
    open_big => sub { page('cookie', 'open', $cookie{cookie}) },
    cookie   => sub { counting(cookie => sub { page('cookie', 'members', $cookie{cookie}) }) },
    database => sub { counting(database => sub { page('database', 'members', $cookie{cache}) }) },
    forged   => sub { counting(forged => sub { page('cache', 'members', $forged, refused => 1) }) },
    session  => sub { get_session('database', $cookie{cache}) },
    npm      => sub { get_session('npm', $cookie{cache}) },
    session_cache => sub { get_session('cache', $cookie{cache}) },
    npm_cache     => sub { get_session('npm_cache', $cookie{npm_cache}) },
);

describe("$READERS connections, kept alive. Rate limits are off.\n");
table(
    ['guarded page, server cache ÷ unguarded', 'cache', 'open', '0.95'],
    ['guarded page, `BetterAuthCookieCache` alone ÷ unguarded', 'cookie', 'open_big', '0.90'],
    ['guarded page, database asked each time ÷ unguarded', 'database', 'open', '0.50'],
    ['forged cookie, refused with 401 ÷ unguarded', 'forged', 'open', '0.95'],
    ['unguarded ÷ httpd without this module', 'open', 'bare'],
    ['`get-session` ÷ npm (one process), each asking the database', 'session', 'npm', '10'],
    ['`get-session` ÷ npm (one process), each with its cache', 'session_cache', 'npm_cache', '13'],
);
print "\n";
for my $name (qw(cache cookie database forged)) {
    my $n = $asked{$name};
    printf "%s: %.0f requests, %d statements, %d pings of the database.\n", $name, $n->{requests}, $n->{Com_stmt_execute},
        $n->{Com_admin_commands};
}
report_log('httpd');
1;
