# SPDX-License-Identifier: Apache-2.0
# Copyright the mod_betterauth authors
package BATest::SMTP;

# A mail server that does what a test says, mostly wrong things; and what a mail looks like when it is taken apart.
#
# What it does is read anew for each connection, from a file, as words:
#   good                 takes everything
#   greet=421 rcpt=550 data=451 message=554 mail=530 …   answers that step so
#   hang=greet|rcpt|message|quit                         says nothing any more at that step
#   close=rcpt|body|message                              closes instead; body: in the middle of the mail; message: after it has kept it, before it says 250
#   slow                 answers byte by byte
#   auth                 wants AUTH, of user "relay" with password "s3cret word"
#   tls                  offers STARTTLS, and takes nothing without it
#   only=TEXT            all this for recipients with that text; others find a good server

use strict;
use warnings;
use File::Path qw(make_path);
use IO::Socket::INET ();
use MIME::Base64 qw(decode_base64 encode_base64);
use MIME::QuotedPrint qw(decode_qp);
use POSIX ();
use Time::HiRes qw(sleep time);

use constant { USER => 'relay', PASSWORD => 's3cret word' };

# dir: to be made; port: a free one; key, cert: for TLS
sub new {
    my ($class, %o) = @_;
    make_path($o{dir});
    my $self = bless { pid => undef, owner => $$, %o }, $class;
    return $self->does('good')->start;
}

sub does {
    my ($self, $what) = @_;
    open my $out, '>', "$self->{dir}/does.new" or die;
    print {$out} $what;
    close $out;
    rename "$self->{dir}/does.new", "$self->{dir}/does" or die;
    return $self;
}

sub start {
    my ($self) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $self->{port}, Listen => 50, ReuseAddr => 1) or die "listen: $!";
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        setpgrp;
        $SIG{CHLD} = 'IGNORE';
        while (1) {
            my $client = $listen->accept or next;
            my $child = fork;
            next if $child;
            close $listen;
            $SIG{PIPE} = 'IGNORE';
            eval { $self->_serve($client) };
            POSIX::_exit(0);
        }
    }
    $self->{pid} = $pid;
    return $self;
}

# With everybody who is still being served.
sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} or return;
    kill KILL => -$pid;
    waitpid $pid, 0;
}

sub DESTROY { my ($self) = @_; local ($?, $@); $self->stop if ($self->{owner} // 0) == $$ }

sub _note {
    my ($self, $text) = @_;
    open my $out, '>>', "$self->{dir}/log" or die;
    syswrite $out, sprintf "%.3f %s\n", time, $text;
}

sub log { my ($self) = @_; open my $in, '<', "$self->{dir}/log" or return; return <$in> }

sub _serve {
    my ($self, $client) = @_;
    open my $in, '<', "$self->{dir}/does" or die;
    my %all = map { my ($k, $v) = split /=/, $_, 2; ($k => $v // 1) } split ' ', <$in>;
    my %does = $all{only} ? () : %all;
    my ($mail, $who, $secure) = ('', '', 0);
    $self->_note('connect');
    my $answer = sub {
        my ($step, $good) = @_;
        my $said = $does{$step};
        sleep 3600 if ($does{hang} // '') eq $step;
        die 'closed' if ($does{close} // '') eq $step;
        # as servers do: in several lines, and with the address in it
        my $text = $said ? "$said-\L$step\E refused\r\n$said 5.1.1 <$who> is not wanted\r\n" =~ s/ 5\.1\.1/$said =~ m{^5} ? ' 5.1.1' : ' 4.2.0'/er : $good;
        if ($does{slow}) { for (split //, $text) { syswrite $client, $_; sleep 0.01 } }
        else { syswrite $client, $text }
        return !$said;
    };
    my $line = sub { my $l = <$client>; defined $l or die 'gone'; $l =~ s/\r?\n\z//; return $l };
    $answer->(greet => "220 test ESMTP\r\n");
    my ($ok, $in_as) = (0, 0);
    while (defined(my $c = $line->())) {
        if ($c =~ /^(?:EHLO|HELO) ?(.*)/) {
            $self->_note("ehlo $1");
            $answer->(ehlo => "250-test\r\n" . ($does{tls} && !$secure ? "250-STARTTLS\r\n" : '') . ($does{auth} ? "250-AUTH PLAIN LOGIN\r\n" : '') . "250 8BITMIME\r\n");
        }
        elsif ($c eq 'STARTTLS' && $does{tls}) {
            syswrite $client, "220 go\r\n";
            require IO::Socket::SSL;
            $client = IO::Socket::SSL->start_SSL($client, SSL_server => 1, SSL_key_file => $self->{key}, SSL_cert_file => $self->{cert}) or die 'tls';
            $secure = 1;
            $self->_note('tls');
        }
        elsif ($c =~ /^AUTH PLAIN ?(.*)/) {
            my $text = $1;
            if ($text eq '') { syswrite $client, "334 \r\n"; $text = $line->() }
            $in_as = decode_base64($text) eq "\0" . USER . "\0" . PASSWORD;
            syswrite $client, $in_as ? "235 in\r\n" : "535 5.7.8 wrong\r\n";
            $self->_note($in_as ? 'auth' : 'auth failed');
        }
        elsif ($c =~ /^MAIL FROM:<([^>]*)>/) {
            my $from = $1;
            if ($does{tls} && !$secure) { syswrite $client, "530 5.7.0 STARTTLS first\r\n" }
            elsif ($does{auth} && !$in_as) { syswrite $client, "530 5.7.0 AUTH first\r\n" }
            else { $answer->(mail => "250 ok\r\n"); $self->_note("mail $from") }
        }
        elsif ($c =~ /^RCPT TO:<([^>]*)>/) {
            $who = $1;
            %does = %all if $all{only} && index($who, $all{only}) >= 0;
            $self->_note("rcpt $who");
            $ok = $answer->(rcpt => "250 ok\r\n");
        }
        elsif ($c eq 'DATA') {
            next unless $answer->(data => "354 go\r\n");
            $mail = '';
            while ((my $l = $line->()) ne '.') { die 'closed' if ($does{close} // '') eq 'body' && length $mail > 100; $l =~ s/^\.//; $mail .= "$l\r\n" }
            $self->_keep($who, $mail) unless $does{message} || ($does{hang} // '') eq 'message';
            $self->_note("message $who") if $answer->(message => "250 ok\r\n");
        }
        elsif ($c eq 'QUIT') { $answer->(quit => "221 bye\r\n"); last }
        else { syswrite $client, "500 what?\r\n" }
    }
}

sub _keep {
    my ($self, $who, $mail) = @_;
    my $file = sprintf '%s/%.4f-%d', $self->{dir}, time, $$;
    open my $out, '>:raw', "$file.part" or die;
    print {$out} "$who\n$mail";
    close $out;
    rename "$file.part", "$file.mail" or die;
}

# What has arrived, oldest first, taken apart.
sub mails {
    my ($self) = @_;
    return map {
        open my $in, '<:raw', $_ or die;
        my ($to, $raw) = do { local $/; split /\n/, scalar <$in>, 2 };
        my ($at) = m{([\d.]+)-\d+\.mail$};
        +{ %{ parse($raw) }, recipient => $to, at => $at };
    } sort glob "$self->{dir}/*.mail";
}

sub forget { my ($self) = @_; unlink glob("$self->{dir}/*.mail"), "$self->{dir}/log"; return $self }

# Header fields by lower-case name, unfolded; text and html decoded.
sub parse {
    my ($raw) = @_;
    my ($head, $body) = split /\r\n\r\n/, $raw, 2;
    my %mail = (raw => $raw, head => $head, header => _fields($head));
    my ($boundary) = ($mail{header}{'content-type'} // '') =~ /boundary="([^"]+)"/ or return \%mail;
    for my $part (split /(?:\r\n)?--\Q$boundary\E(?:--)?\r\n/, $body) {
        my ($h, $text) = split /\r\n\r\n/, $part, 2;
        my $field = _fields($h // '');
        my ($type) = ($field->{'content-type'} // '') =~ m{^text/(\w+); charset=utf-8$} or next;
        $text =~ s/\r\n/\n/g;
        $text = decode_qp($text) if $field->{'content-transfer-encoding'} eq 'quoted-printable';
        utf8::decode($text);
        $mail{$type} = $text;
        $mail{"$type-encoding"} = $field->{'content-transfer-encoding'};
    }
    ($mail{url}) = ($mail{plain} // '') =~ /^(https?:\S+\?\S+|https?:\S+\/api\/auth\S+)\r?$/m;
    return \%mail;
}

sub _fields {
    my ($head) = @_;
    $head =~ s/\r\n[ \t]+/ /g;
    return { map { /^([\w-]+): ?(.*)$/ ? (lc $1 => $2) : () } split /\r\n/, $head };
}

1;
