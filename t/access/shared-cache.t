#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors

# mod_cache before a site: what one person was shown is shown to nobody else, whatever the program behind says about caching.
use strict;
use warnings;
use BATest -own;
use BATest::Sites;
use File::Path qw(make_path);

plan skip_all => 'needs httpd' if $ENV{BA_SITES};
my @NAVIGATION = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document', Accept => 'text/html');
my $state = BATest::state();

# A program that wants to be cached, and a tree of pages as a site would have them. SSI pages show whatever they include.
my $tree = "$state->{workdir}/shared-cache-tree-" . flavour();
sub file { my ($name, $text, $mode) = @_; open my $out, '>', "$tree/$name" or die "$name: $!"; print {$out} $text; close $out; chmod $mode // 0644, "$tree/$name" }
make_path(map { "$tree/$_" } qw(guarded optional public));
for my $place (qw(guarded optional public)) {
    file("$place/who.cgi", <<'END', 0755);
#!/bin/sh
echo "Content-Type: text/plain"
echo "Cache-Control: public, max-age=60, s-maxage=60"
echo "Expires: Fri, 01 Jan 2094 00:00:00 GMT"
echo "Last-Modified: Sat, 01 Jan 2022 00:00:00 GMT"
echo "ETag: \"same-for-all\""
echo
echo "run $$ for [$REMOTE_USER] $BETTERAUTH_EMAIL $HTTP_X_AUTH_EMAIL"
END
    file("$place/page.html", "a page of $place\n");
}
# What a program says to caches, a line each, and what becomes of it in a guarded place.
my @SAID = (
    [['public, max-age=600, private="Set-Cookie"'], 'private, max-age=600', 'one field is private'],
    [['private=set-cookie , s-maxage=5, max-age=600'], 'private, max-age=600', 'likewise, without quotes'],
    [['max-age=600, no-cache="private"'], 'private, max-age=600, no-cache="private"', 'a field of that name'],
    [['max-age=600, x="a, no-store, private"'], 'private, max-age=600, x="a, no-store, private"', 'words in quotes'],
    [['max-age=600, x-private, no-stores'], 'private, max-age=600, x-private, no-stores', 'parts of other words'],
    [['max-age=600', 'must-revalidate, public'], 'private, max-age=600, must-revalidate', 'two lines'],
    [['max-age=600, PRIVATE'], 'max-age=600, PRIVATE', 'private already'],
    [['No-Store'], 'No-Store', 'not to be stored'],
);
file('guarded/says.cgi', join("\n", '#!/bin/sh', 'echo "Content-Type: text/plain"', 'case $QUERY_STRING in',
        (map { my $n = $_; "$n) " . join('; ', map { "echo 'Cache-Control: $_'" } @{ $SAID[$n][0] }) . ';;' } 0 .. $#SAID), 'esac', 'echo', 'echo said'), 0755);
file('public/two', "two\n");
file('public/mixed.shtml', qq{mixed <!--#include virtual="/guarded/who.cgi" --> end\n});
file('public/mixed-optional.shtml', qq{mixed <!--#include virtual="/optional/who.cgi" --> end\n});

# The cache of an operator who thinks of nothing but speed
my $hostile = join '', map { "    $_\n" } 'CacheStorePrivate On', 'CacheStoreNoStore On', 'CacheStoreExpired On', 'CacheIgnoreCacheControl On',
    'CacheIgnoreNoLastMod On', 'CacheIgnoreHeaders Set-Cookie Vary', 'CacheIgnoreQueryString On', 'CacheDefaultExpire 60', 'CacheMinExpire 60';

sub tree { my ($more) = @_; return <<"END" . $more }
    Alias "/site" "$tree"
    AliasMatch "^/(guarded|optional|public)/(.*)\$" "$tree/\$1/\$2"
    <Directory "$tree">
        Require all granted
        Options +ExecCGI +Includes
        AddHandler cgi-script .cgi
        AddOutputFilter INCLUDES .shtml
    </Directory>
    CacheDetailHeader on
END

sub cache {
    my ($name, $quick) = @_;
    my $root = "$state->{workdir}/shared-cache-$name-" . flavour();
    make_path($root);
    return "    CacheEnable disk /\n    CacheRoot \"$root\"\n    CacheQuickHandler $quick\n";
}

my $echo = "    ProxyPassMatch \"^(/(?:guarded|optional|public)/cached-echo)\$\" http://127.0.0.1:\@ECHO\@\$1\n"
    . "    <LocationMatch \"/cached-echo\$\">\n        Header always set Cache-Control \"public, max-age=60\"\n        Header set Cache-Control \"public, max-age=60\"\n    </LocationMatch>\n";
# A back end that says it in two lines, as the program above cannot
my $two = "    <Location \"/public/two\">\n        Header add Cache-Control \"max-age=600\"\n        Header add Cache-Control \"No-Store\"\n    </Location>\n";
sub to_two { my ($site) = @_; return "    ProxyPass \"/guarded/two\" \"http://127.0.0.1:$state->{flavours}{ flavour() }{sites}{$site}{port}/public/two\"\n" }
my $expires = "    ExpiresActive On\n    ExpiresDefault \"access plus 60 seconds\"\n";

my $NAME = 'shared-cache';
my $httpd = private_httpd(name => $NAME, main => BATest::Sites::load(qw(cache cache_disk expires)) . join('',
        BATest::Sites::vhost('quick', file => BATest::Sites::file($NAME), extra => tree(cache('quick', 'On') . $echo . $two)),
        BATest::Sites::vhost('normal', file => BATest::Sites::file($NAME), extra => to_two('quick') . tree(cache('normal', 'Off') . $echo)),
        BATest::Sites::vhost('expires', file => BATest::Sites::file($NAME), extra => tree(cache('expires', 'On') . $echo . $expires)),
        BATest::Sites::vhost('hostile-quick', file => BATest::Sites::file($NAME), extra => tree(cache('hostile-quick', 'On') . $echo . $hostile)),
        BATest::Sites::vhost('hostile', file => BATest::Sites::file($NAME), extra => tree(cache('hostile', 'Off') . $echo . $hostile))));

my $ann = sign_up($NAME, email => 'ann@example.com', name => 'Ann');
my $ben = sign_up($NAME, email => 'ben@example.com', name => 'Ben');
my %who = (ann => $ann->{cookie}, ben => $ben->{cookie}, anonymous => undef);
my %other = (ann => qr/ben\@example|\bBen\b/, ben => qr/ann\@example|\bAnn\b/, anonymous => qr/(?:ann|ben)\@example|\b(?:Ann|Ben)\b/);

sub hit { my ($answer) = @_; return (header($answer, 'x-cache-detail') // '') =~ /cache hit/ }

# Everybody asks in turn and again, as browsers do: with what they were given last time.
sub everybody_asks {
    my ($site, $path, $check, @headers) = @_;
    my (%etag, $hits);
    for my $who (qw(ann anonymous ben ann anonymous ben anonymous)) {
        my $answer = request($site, GET => $path, cookie => $who{$who}, headers => [@headers, $etag{$who} ? ('If-None-Match' => $etag{$who}) : ()]);
        $etag{$who} = header($answer, 'etag') // $etag{$who};
        my $all = join "\n", $answer->{body}, map { "@$_" } @{ $answer->{headers} };
        unlike($all, $other{$who}, "$path: $who sees nobody else's") or diag $all;
        $hits++ if hit($answer);
        $check->($answer, $who);
    }
    return $hits // 0;
}

for my $site (qw(quick normal expires hostile-quick hostile)) {
    subtest $site => sub {
        subtest 'the cache works' => sub {
            my @run = map { request($site, GET => '/public/who.cgi')->{body} } 1 .. 3;
            is($run[2], $run[1], 'a public program is run once for all');
            ok(hit(request($site, GET => '/public/who.cgi')), 'mod_cache says so');
        };
        for my $path ('/guarded/who.cgi', '/guarded/who.cgi?q=1', '/guarded/page.html', '/guarded/env', '/guarded/cached-echo', '/members/page.html') {
            for my $headers ([], \@NAVIGATION) {
                my $hits = everybody_asks($site, $path, sub {
                    my ($answer, $who) = @_;
                    if ($who eq 'anonymous') { is($answer->{status}, @$headers ? 302 : 401, "$path: anonymous stays outside") or diag explain $answer }
                    else {
                        like($answer->{status}, qr/^(?:200|304)$/, "$path: $who gets in");
                        like($answer->{body}, qr/\Q$who\E\@example\.com/, "$path: $who is told apart") if $answer->{status} == 200 && $path !~ /html$/;
                        like(header($answer, 'cache-control') // '', qr/private|no-store/, "$path: caches farther away are told") unless $path =~ /echo/;
                        my $exact = $path =~ /page/ ? 'private, no-store' : $path =~ /who/ ? 'private, max-age=60' : undef;
                        is(header($answer, 'cache-control'), $exact, "$path: no more, and no less") if $exact && $site =~ /^(?:quick|normal)$/ && $answer->{status} == 200;
                    }
                }, @$headers);
                is($hits, 0, "$path: none of it came from the cache");
            }
        }
        for my $path ('/optional/who.cgi', '/optional/page.html', '/optional/env', '/optional/cached-echo') {
            my $hits = everybody_asks($site, $path, sub {
                my ($answer, $who) = @_;
                like($answer->{status}, qr/^(?:200|304)$/, "$path: $who gets in");
                return if $answer->{status} != 200 || $path =~ /html$/;
                like($answer->{body}, qr/\Q$who\E\@example\.com/, "$path: $who is told apart") if $who ne 'anonymous';
            });
            is($hits, 0, "$path: none of it came from the cache");
        }
        subtest 'the API and the pages' => sub {
            everybody_asks($site, '/api/auth/get-session', sub {
                my ($answer, $who) = @_;
                is($answer->{json} && $answer->{json}{user}{email}, $who eq 'anonymous' ? undef : "$who\@example.com", "get-session: $who");
            });
            everybody_asks($site, '/auth/sign-out', sub { }, @NAVIGATION);
            is(request($site, GET => '/auth/sign-in', cookie => $who{ann}, headers => \@NAVIGATION)->{status}, 303, 'signed in: sign-in leads on');
            is(request($site, GET => '/auth/sign-in', headers => \@NAVIGATION)->{status}, 200, 'the next one still gets the form');
        };
        subtest 'a public page that includes a personal part' => sub {
            everybody_asks($site, $_, sub { my ($answer, $who) = @_; like($answer->{status}, qr{^(?:200|304)$}, $who) }) for '/public/mixed-optional.shtml', '/public/mixed.shtml';
        };
        subtest 'a renewed cookie stays with its owner' => sub {
            sql($NAME, sprintf q{UPDATE session SET createdAt = '%s', updatedAt = '%1$s', expiresAt = '%s' WHERE token = '%s'},
                (map { moment($NAME, $_ * 86400) } -2, 5), $ann->{token});
            my $renewed = request($site, GET => '/optional/who.cgi', cookie => $who{ann});
            ok(cookies($renewed)->{'better-auth.session_token'}, 'is sent');
            is_deeply(cookies(request($site, GET => '/optional/who.cgi', cookie => $_))->{''}, [], 'the next one gets none') for undef, $who{ben};
        };
    };
}

subtest 'what a program says to caches' => sub {
    for my $n (0 .. $#SAID) {
        my (undef, $becomes, $name) = @{ $SAID[$n] };
        my $answer = request('quick', GET => "/guarded/says.cgi?$n", cookie => $who{ann});
        is(join(', ', headers($answer, 'cache-control')), $becomes, $name);
        is((grep { /Cookie/i } headers($answer, 'vary')) ? 1 : 0, $becomes =~ /^private/ ? 1 : 0, "$name: who asks makes a difference");
    }
    my $answer = request('normal', GET => '/guarded/two', cookie => $who{ann});
    is("$answer->{body} " . join(', ', headers($answer, 'cache-control')), "two\n max-age=600, No-Store", 'a back end that says it in a second line');
};

my @lines = grep { !/\bAH01630\b|subrequest setup returned 401/ } log_lines($httpd->error_log);
is(scalar @lines, 0, 'the log knows no trouble') or diag @lines;
done_testing;
